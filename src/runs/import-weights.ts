// Weights from elsewhere: a safetensors file or a PyTorch checkpoint of the TRM or HRM code, read under the reference's
// names `model.inner.…` whatever prefixes torch.compile, DistributedDataParallel or a training program left (spec/trm.md sections 2 and 13).
// Nothing is converted here and nothing read but the directory; what the weights are is told by weights-description.ts.

import { ToolError } from "../base/errors.ts";
import { openSafetensors, type SafetensorsFile, type TensorType } from "../formats/safetensors.ts";
import { isTorchFile, openTorchFile } from "../formats/torch-file.ts";

const PREFIX = "model.inner.";

/** What stands directly under `model.inner.`. */
const innerNames = /^(embed_tokens|embed_pos|lm_head|q_head|puzzle_emb|[HL]_level)\.|^[HL]_init$/;

/** Buffers that some programs save and every model makes anew. */
const remade = /(^|\.)(rotary_emb\.(cos|sin)_cached|puzzle_emb\.local_(weights|ids))$/;

/** An open weights file of either kind; its bytes tell which. */
export async function openWeightsFile(path: string): Promise<SafetensorsFile> {
  const file = (await isTorchFile(path)) ? await openTorchFile(path) : await openSafetensorsOrSay(path);
  try {
    return underReferenceNames(file, path);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The usual mistake is a .pt file of before torch 1.6, or a download that is a page. */
async function openSafetensorsOrSay(path: string): Promise<SafetensorsFile> {
  if (!/\.(pt|pth|ckpt|bin)$/.test(path)) return openSafetensors(path);
  return openSafetensors(path).catch((cause) => {
    if (!(cause instanceof ToolError) || !cause.code.startsWith("safetensors/")) throw cause;
    throw new ToolError(`${path} is no .pt file that can be read: it is not a ZIP archive`, {
      code: "torch/no-archive",
      hint: "files of torch before 1.6: load them in PyTorch and save the state dict again; else copy it again",
      cause,
    });
  });
}

/** The name that the reference gives a tensor; undefined for what is not kept. */
export function referenceName(name: string): string | undefined {
  const plain = name.replace(/(^|\.)(_orig_mod\.|module\.)+/g, "$1");
  if (remade.test(plain)) return undefined;
  if (plain.startsWith("inner.")) return `model.${plain}`;
  return innerNames.test(plain) ? PREFIX + plain : plain;
}

function underReferenceNames(file: SafetensorsFile, path: string): SafetensorsFile {
  const originals = new Map<string, string>();
  for (const original of file.entries.keys()) {
    const name = referenceName(original);
    if (name === undefined) continue;
    const other = originals.get(name);
    if (other !== undefined)
      throw new ToolError(`${path} has '${name}' twice, as '${other}' and as '${original}'`, {
        code: "import/name-twice",
        hint: "save one of the two state dicts alone",
      });
    originals.set(name, original);
  }
  const entries = new Map<string, TensorType>();
  for (const [name, original] of originals) {
    const entry = file.entries.get(original);
    if (entry) entries.set(name, entry);
  }
  const originalOf = (name: string) => originals.get(name) ?? name;
  return {
    metadata: file.metadata,
    entries,
    read: (name) => file.read(originalOf(name)),
    floats: (name, most) => file.floats(originalOf(name), most),
    close: () => file.close(),
  };
}
