import { expect, test } from "vitest";
import { trmConfigSchema, trmReferenceNames } from "./config.ts";

function problems(settings: Record<string, unknown>): string[] {
  const result = trmConfigSchema.safeParse(settings);
  return result.success
    ? []
    : result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
}

test("defaults are those of the reference, with the sizes that null and 0 stand for filled in", () => {
  expect(trmConfigSchema.parse({})).toEqual({
    ...{
      arch: "trm",
      hiddenSize: 512,
      numHeads: 8,
      expansion: 4,
      layers: 2,
      hLayers: 0,
      hCycles: 3,
      lCycles: 6,
    },
    ...{ mlpT: false, posEncodings: "rope", puzzleEmbNdim: 512, puzzleEmbLen: 16, haltMaxSteps: 16 },
    ...{ haltExplorationProb: 0.1, noActContinue: true, rmsNormEps: 1e-5, ropeTheta: 10000 },
    ...{ forwardDtype: "bfloat16", loss: "stablemax_cross_entropy" },
    ...{ latents: 1, separateNetworks: false, gradient: "cycle", tiedHead: false, halting: true },
  });
});

test.each([
  [{ hiddenSize: 32, numHeads: 2 }, 32, 16],
  [{ hiddenSize: 32, numHeads: 2, puzzleEmbNdim: 40, puzzleEmbLen: 0 }, 40, 2],
  [{ puzzleEmbNdim: 0, puzzleEmbLen: 0 }, 0, 0],
])("puzzle vectors of %j", (settings, ndim, length) => {
  const config = trmConfigSchema.parse(settings);
  expect([config.puzzleEmbNdim, config.puzzleEmbLen]).toEqual([ndim, length]);
  expect(trmConfigSchema.parse(config)).toEqual(config);
});

test("settings that do not fit together are refused", () => {
  expect(problems({ hiddenSize: 4, numHeads: 8 })).toMatchInlineSnapshot(`
    [
      "numHeads: at most hiddenSize, which is 4",
    ]
  `);
  expect(problems({ hiddenSize: 72, numHeads: 8 })).toMatchInlineSnapshot(`
    [
      "numHeads: an even head size for rope: 72 / 8 is 9",
    ]
  `);
  expect(problems({ hiddenSize: 72, numHeads: 8, mlpT: true })).toEqual([]);
  expect(problems({ hiddenSize: 72, numHeads: 8, posEncodings: "none" })).toEqual([]);
  expect(problems({ puzzleEmbNdim: 0 })).toMatchInlineSnapshot(`
    [
      "puzzleEmbLen: 0 when puzzleEmbNdim is 0: without puzzle vectors there are no tokens for them",
    ]
  `);
  expect(problems({ hiddenSize: 32, puzzleEmbNdim: 100, puzzleEmbLen: 3 })).toMatchInlineSnapshot(`
    [
      "puzzleEmbNdim: at most puzzleEmbLen × hiddenSize, which is 96",
    ]
  `);
  expect(problems({ hiddenSize: 32, puzzleEmbNdim: 96, puzzleEmbLen: 3 })).toEqual([]);
  expect(problems({ latents: 7 })).toEqual([
    "latents: at most lCycles, which is 6: each call updates one latent",
  ]);
  expect(problems({ latents: 0, separateNetworks: true })).toEqual([
    "separateNetworks: false when latents is 0: there is no second state for a second network",
  ]);
});

test("every reference name points to a setting, and only the ablations have none", () => {
  const ours = Object.keys(trmConfigSchema.parse({}));
  const ablations = ["latents", "separateNetworks", "gradient", "tiedHead", "halting"];
  const named = ours.filter((key) => key !== "arch" && !ablations.includes(key));
  expect(Object.values(trmReferenceNames).sort()).toEqual(named.sort());
});
