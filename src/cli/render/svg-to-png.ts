// SVG to PNG by resvg, compiled to WebAssembly, with a font that comes along: the same picture on every machine.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { initWasm, Resvg } from "@resvg/resvg-wasm";

const FONT = "PT Sans";
const FONT_FILES = ["400Regular/PTSans_400Regular.ttf", "700Bold/PTSans_700Bold.ttf"];

/** Pixels of the PNG for one of the SVG: sharp on screens of high density. */
const ZOOM = 2;

const require = createRequire(import.meta.url);
let ready: Promise<Uint8Array[]> | undefined;

/** The bytes of a PNG file, twice as wide as the SVG says. */
export async function svgToPng(svg: string): Promise<Uint8Array> {
  ready ??= load();
  const picture = new Resvg(svg, {
    fitTo: { mode: "zoom", value: ZOOM },
    font: { fontBuffers: await ready, defaultFontFamily: FONT, sansSerifFamily: FONT },
  });
  const image = picture.render();
  const png = image.asPng();
  image.free();
  picture.free();
  return png;
}

/** Starts resvg, which can be done once in a process; gives the fonts. */
async function load(): Promise<Uint8Array[]> {
  await initWasm(await readFile(require.resolve("@resvg/resvg-wasm/index_bg.wasm")));
  return Promise.all(
    FONT_FILES.map((file) => readFile(require.resolve(`@expo-google-fonts/pt-sans/${file}`))),
  );
}
