// A static server for tests, on 127.0.0.1: one folder under a path of its own, so that whatever asks for something
// outside the folder is seen.

import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

export interface ServedFolder {
  /** With the slash at its end. */
  readonly url: string;
  close(): Promise<void>;
}

const PREFIX = "/some/where/";

const TYPES: Readonly<Record<string, string | undefined>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** @param isolated with the headers that threads need */
export async function serveFolder(folder: string, { isolated = false } = {}): Promise<ServedFolder> {
  const server = createServer(({ url = "" }, response) => {
    const path = normalize(decodeURIComponent(new URL(url, "http://local").pathname));
    const name = path.endsWith("/") ? `${path}index.html` : path;
    const file = join(folder, name.slice(PREFIX.length));
    if (!name.startsWith(PREFIX) || !isFile(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      ...(isolated
        ? { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }
        : {}),
    });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no port");
  return {
    url: `http://127.0.0.1:${address.port}${PREFIX}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
