// The dotted names of all settings, read off the schema: for checking names, for hints and for help.

import { z } from "zod";
import { whorlConfigSchema } from "./schema.ts";

export interface ConfigKey {
  /** Dotted name, `train.lr`. */
  path: string;
  description: string;
  /** Holds further settings, as `train` does. */
  isSection: boolean;
  nullable: boolean;
  /** Takes settings of any name below it. */
  isOpen: boolean;
}

/** All settings by name, sections included, in the order of the schema; those of every task and model. */
export function configKeys(): Map<string, ConfigKey> {
  const keys = new Map<string, ConfigKey>();
  addKeys(whorlConfigSchema, "", keys);
  return keys;
}

function addKeys(section: z.ZodObject, prefix: string, keys: Map<string, ConfigKey>) {
  for (const [name, field] of Object.entries(section.shape)) {
    const path = prefix + name;
    const { core, description, nullable } = unwrap(field);
    const sections = sectionsOf(core);
    const isOpen = core instanceof z.ZodRecord;
    // Tasks and models share names; the first that has one describes it.
    if (!keys.has(path))
      keys.set(path, {
        path,
        description: description ?? "",
        isSection: sections.length > 0 || isOpen,
        nullable,
        isOpen,
      });
    for (const below of sections) addKeys(below, `${path}.`, keys);
  }
}

/** The objects that a setting may be: none, one, or one for each task or model. */
function sectionsOf(core: z.core.$ZodType): z.ZodObject[] {
  if (core instanceof z.ZodObject) return [core];
  if (core instanceof z.ZodDiscriminatedUnion)
    return core.options.flatMap((option: z.core.$ZodType) => sectionsOf(unwrap(option).core));
  return [];
}

/** Takes off defaults, null and transforms; the outermost description is the one of the setting. */
function unwrap(field: z.core.$ZodType) {
  let core: z.core.$ZodType = field;
  let description: string | undefined;
  let nullable = false;
  for (;;) {
    description ??= core instanceof z.ZodType ? core.description : undefined;
    if (core instanceof z.ZodNullable) nullable = true;
    if (core instanceof z.ZodPipe) core = core.def.in instanceof z.ZodTransform ? core.def.out : core.def.in;
    else if (core instanceof z.ZodDefault || core instanceof z.ZodPrefault || core instanceof z.ZodNullable)
      core = core.def.innerType;
    else return { core, description, nullable };
  }
}
