import { expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import { pickleLimits } from "./pickle-machine.ts";
import { unpickleStateDict } from "./pickle-torch.ts";
import { int32, int64, integer, pickle, tensorPickle, text } from "./testing/pickles.ts";

/** The message, or what was read. */
function outcomeOf(bytes: Uint8Array): string {
  try {
    return `read ${[...unpickleStateDict(bytes, "x.pt").keys()].join()}`;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

test("whatever would run code is refused by its name", () => {
  const outcomes = [
    pickle(0x80, 2, "cos\nsystem\n", text("true"), 0x85, "R."),
    pickle(0x80, 2, "cposix\nsystem\n", text("ls"), 0x85, "R."),
    pickle(0x80, 2, "c__builtin__\neval\n", text("1"), 0x85, "R."),
    pickle(0x80, 4, text("builtins"), text("exec"), 0x93, text("1"), 0x85, "R."),
    pickle("cos\nsystem\n(S'ls'\ntR."), // protocol 0
    pickle("(S'ls'\nios\nsystem\n."),
    pickle(0x80, 2, "(", text("ls"), "ios\nsystem\n."), // INST
    pickle(0x80, 2, "c__main__\nEvil\n)", 0x81, "}b."), // __reduce_ex__(2) of a class
    pickle(0x80, 2, "ccollections\nOrderedDict\n)", 0x81, "."),
    pickle(0x80, 2, "(ccollections\nOrderedDict\no."),
    pickle(0x80, 2, 0x82, 1, "."), // EXT1
    pickle(0x80, 2, "ctorch\nFloatStorage\n)R."),
    pickle(0x80, 2, "ctorch._utils\n_rebuild_tensor_v2\n)R."),
    pickle(0x80, 2, text("os.system"), ")R."),
    pickle(0x80, 2, "ctorch._utils\n_rebuild_parameter\n}b."), // BUILD on a function
    pickle(0x80, 2, "ccollections\nOrderedDict\n)R", text("x"), "b."),
    pickle(0x80, 2, "c__builtin__\ngetattr\n."),
    pickle(0x80, 2, text("storage"), "Q."),
    pickle(0x80, 2, "ctoString\n__proto__\n."),
    pickle(0x80, 4, text(""), text("constructor"), 0x93, "."),
  ].map(outcomeOf);
  expect(outcomes.map((line) => line.replace("; nothing of it was run", ""))).toMatchInlineSnapshot(`
    [
      "torch/refused: x.pt asks for "os.system", which no weights need",
      "torch/refused: x.pt asks for "posix.system", which no weights need",
      "torch/refused: x.pt asks for "__builtin__.eval", which no weights need",
      "torch/refused: x.pt asks for "builtins.exec", which no weights need",
      "torch/refused: x.pt asks for "os.system", which no weights need",
      "torch/damaged: x.pt is not a whole pickle: it has the instruction 0x53, which torch.save does not write",
      "torch/refused: x.pt makes an object of "os.system", which no weights need",
      "torch/refused: x.pt asks for "__main__.Evil", which no weights need",
      "torch/refused: x.pt makes an object by NEWOBJ, which no weights need",
      "torch/refused: x.pt makes an object by OBJ, which no weights need",
      "torch/refused: x.pt makes an object by EXT1, which no weights need",
      "torch/refused: x.pt calls torch.FloatStorage with arguments that torch.save does not write, which no weights need",
      "torch/refused: x.pt calls torch._utils._rebuild_tensor_v2 with arguments that torch.save does not write, which no weights need",
      "torch/refused: x.pt calls a string, which no weights need",
      "torch/refused: x.pt sets the state of torch._utils._rebuild_parameter, which no weights need",
      "torch/refused: x.pt sets the state of a dict, which no weights need",
      "torch/refused: x.pt asks for "__builtin__.getattr", which no weights need",
      "torch/refused: x.pt refers to something outside that is not a known storage, which no weights need",
      "torch/refused: x.pt asks for "toString.__proto__", which no weights need",
      "torch/refused: x.pt asks for ".constructor", which no weights need",
    ]
  `);
});

test("what claims more than it has is refused before it is made", () => {
  const huge = int64(2n ** 40n);
  const deep = Buffer.concat([pickle(0x80, 2, ")"), Buffer.alloc(1000, 0x85), pickle(".")]);
  const wide = Buffer.alloc(pickleLimits.containers + 10, "}");
  const outcomes = [
    pickle(0x80, 2, "X", int32(-1), "abc."), // a text of 4 GiB
    pickle(0x80, 4, 0x8d, huge, "abc."),
    pickle(0x80, 4, 0x8e, huge, "."),
    pickle(0x80, 2, 0x8b, int32(2 ** 30), "."), // a number of a billion bytes
    pickle(0x80, 2, "]q", 0, "h", 0, "a."), // a list in itself
    pickle(0x80, 2, "}q", 0, text("model"), "h", 0, "s."), // a dict in itself
    deep,
    pickle(0x80, 2, wide, "."),
    pickle(Buffer.alloc(pickleLimits.marks + 1, "("), "."),
    pickle("N", Buffer.alloc(pickleLimits.stack + 1, "2"), "."),
    Buffer.alloc(pickleLimits.bytes + 1),
    pickle(0x80, 2, "h", 7, "."),
    pickle(0x80, 2, "(("),
    pickle(0x80, 2, "."),
    pickle(0x80, 2, "N(0."),
    pickle(0x80, 2, "ct", Buffer.alloc(300, "x"), "\n\n."),
    pickle(0x80, 9, "N."),
    pickle("I1\n."),
    pickle(0x80, 2, text("\ud800"), "."),
    pickle(0x80, 2, "X", int32(1), 0xff, "."),
  ].map(outcomeOf);
  expect(outcomes).toMatchInlineSnapshot(`
    [
      "torch/damaged: x.pt is not a whole pickle: it announces 4294967295 bytes where 4 are left",
      "torch/damaged: x.pt is not a whole pickle: it announces 1099511627776 bytes where 4 are left",
      "torch/damaged: x.pt is not a whole pickle: it announces 1099511627776 bytes where 1 are left",
      "torch/damaged: x.pt is not a whole pickle: it has a whole number of 1073741824 bytes",
      "torch/too-large: x.pt is no state dict: its containers lie too deep in each other; the limit is 64",
      "torch/too-large: x.pt is no state dict: its containers lie too deep in each other; the limit is 64",
      "torch/too-large: x.pt is no state dict: its containers lie too deep in each other; the limit is 64",
      "torch/too-large: x.pt is no state dict: it has too many containers; the limit is 500000",
      "torch/too-large: x.pt is no state dict: its marks are too many; the limit is 1000",
      "torch/too-large: x.pt is no state dict: its stack grows too large; the limit is 1000000",
      "torch/too-large: x.pt is no state dict: its pickle has 16777217 bytes; the limit is 16777216",
      "torch/damaged: x.pt is not a whole pickle: it recalls a value 7 that it never kept",
      "torch/damaged: x.pt is not a whole pickle: it announces 1 bytes where 0 are left",
      "torch/damaged: x.pt is not a whole pickle: it takes a value where there is none",
      "torch/damaged: x.pt is not a whole pickle: it takes a value where there is none",
      "torch/damaged: x.pt is not a whole pickle: a name in it does not end",
      "torch/damaged: x.pt is not a whole pickle: it says that it is of protocol 9",
      "torch/damaged: x.pt is not a whole pickle: it has the instruction 0x49, which torch.save does not write",
      "torch/no-weights: no state dict is in x.pt: its pickle holds no dict",
      "torch/damaged: x.pt is not a whole pickle: a text of it is not UTF-8",
    ]
  `);
});

test("a billion-entry list is not made: 30 steps of doubling stay 30 lists", () => {
  const doubled = Array.from({ length: 30 }, (_, i) => pickle("(h", i, "h", i, "lq", i + 1));
  const bomb = pickle(0x80, 2, "]q", 0, ...doubled, ".");
  expect(outcomeOf(bomb)).toBe("torch/no-weights: no state dict is in x.pt: its pickle holds no dict");
});

test("views that leave or repeat their storage", () => {
  const large = pickle(0x8a, 8, int64(2n ** 52n));
  const one = integer(1);
  const outcomes = [
    tensorPickle({ shape: [integer(2), integer(2)], strides: [integer(2), one] }),
    tensorPickle({ shape: [integer(5)], strides: [one] }),
    tensorPickle({ shape: [integer(4)], strides: [one], offset: one }),
    tensorPickle({ shape: [integer(-4)], strides: [one] }),
    tensorPickle({ shape: [integer(2)], strides: [integer(-1)] }),
    tensorPickle({ shape: [large, large, large], strides: [one, one, one] }),
    tensorPickle({ shape: [large], strides: [integer(0)] }),
    tensorPickle({ shape: [integer(2)], strides: [large] }),
    tensorPickle({ shape: [integer(2)], strides: [] }),
    tensorPickle({ shape: Array(40).fill(one), strides: Array(40).fill(one) }),
    tensorPickle({ shape: [large, integer(0)], strides: [one, one] }),
    tensorPickle({ shape: [integer(2)], strides: [one], storage: "ComplexFloatStorage" }),
    tensorPickle({ shape: [integer(2)], strides: [one], elements: text("4") }),
  ].map(outcomeOf);
  expect(outcomes).toMatchInlineSnapshot(`
    [
      "read w",
      "torch/damaged: x.pt is not a whole pickle: a tensor [5] of it ends outside of its storage of 4 numbers",
      "torch/damaged: x.pt is not a whole pickle: a tensor [4] of it ends outside of its storage of 4 numbers",
      "torch/refused: x.pt calls torch._utils._rebuild_tensor_v2 with arguments that torch.save does not write, which no weights need; nothing of it was run",
      "torch/refused: x.pt calls torch._utils._rebuild_tensor_v2 with arguments that torch.save does not write, which no weights need; nothing of it was run",
      "torch/damaged: x.pt is not a whole pickle: a tensor [4503599627370496, 4503599627370496, 4503599627370496] of it ends outside of its storage of 4 numbers",
      "torch/too-large: x.pt is no state dict: a tensor [4503599627370496] of it has more numbers than its storage; the limit is 4",
      "torch/damaged: x.pt is not a whole pickle: a tensor [2] of it ends outside of its storage of 4 numbers",
      "torch/refused: x.pt calls torch._utils._rebuild_tensor_v2 with arguments that torch.save does not write, which no weights need; nothing of it was run",
      "torch/refused: x.pt calls torch._utils._rebuild_tensor_v2 with arguments that torch.save does not write, which no weights need; nothing of it was run",
      "read w",
      "torch/unsupported: x.pt holds complex numbers, which cannot be read",
      "torch/refused: x.pt refers to something outside that is not a known storage, which no weights need; nothing of it was run",
    ]
  `);
});

test("what checkpoints of training programs hold beside tensors", () => {
  const w = tensorPickle({ shape: [integer(4)], strides: [integer(1)] }).subarray(2, -1); // a dict with `w`
  const tensor = w.subarray(1 + text("w").length, -1);
  const outcomes = [
    pickle(0x80, 2, w, text("device"), "ctorch\ndevice\n", text("cuda:0"), 0x85, "Rs."),
    pickle(0x80, 2, w, text("dtype"), "ctorch\nbfloat16\ns."),
    pickle(0x80, 2, w, text("set"), "c__builtin__\nset\n]", integer(1), "a", 0x85, "Rs."),
    pickle(0x80, 2, w, text("big"), 0x8a, 9, Buffer.alloc(9, 1), "s."),
    pickle(
      0x80,
      2,
      "}",
      text("p"),
      "ctorch._utils\n_rebuild_parameter_with_state\n(",
      tensor,
      0x89,
      "N}tRs.",
    ),
    pickle(0x80, 2, "}", text("a"), "ctorch._tensor\n_rebuild_from_type_v2\n(", ...fromType(tensor)),
    pickle(0x80, 2, w, text("x"), "ctorch._utils\n_rebuild_sparse_tensor\ns."),
    pickle(0x80, 2, w, text("x"), "ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\n"),
    pickle(0x80, 2, w, text("x"), "ctorch\ncompile\ns."),
  ].map(outcomeOf);
  expect(outcomes.map((line) => line.replace("; nothing of it was run", ""))).toMatchInlineSnapshot(`
    [
      "read w",
      "read w",
      "read w",
      "read w",
      "read p",
      "read a",
      "torch/unsupported: x.pt holds a sparse tensor, which cannot be read",
      "torch/refused: x.pt asks for "os.system", which no weights need",
      "torch/refused: x.pt asks for "torch.compile", which no weights need",
    ]
  `);
});

/** Function, class, the function's arguments and attributes, as Tensor.__reduce_ex__ gives them. */
function fromType(tensor: Buffer): (number | string | Buffer)[] {
  const call = "ctorch._utils\n_rebuild_tensor_v2\n";
  const args = tensor.subarray(call.length, -1); // without the call
  return [call, "ctorch\nTensor\n", args, "}tRs."];
}

test("a tensor whose numbers are to be negated is not read as it lies", () => {
  const view = (metadata: string | Buffer) => {
    const plain = tensorPickle({ shape: [integer(4)], strides: [integer(1)] });
    return pickle(plain.subarray(0, -4), metadata, "tRs.");
  };
  expect(outcomeOf(view("}"))).toBe("read w");
  const marked = pickle("}", text("neg"), 0x88, "s");
  expect(outcomeOf(view(marked))).toBe(
    "torch/unsupported: x.pt holds a tensor of marked numbers, which cannot be read",
  );
});
