// widen: y in float32 = x in the number format; narrow: the other way, rounded. Plain copies in format float32.
//   x y | n          x y | n

template <class T>
static void widen(const Args& args) {
  copyInto((float*)args.p[1], (const T*)args.p[0], args.n[0]);
}

template <class T>
static void narrow(const Args& args) {
  copyInto((T*)args.p[1], (const float*)args.p[0], args.n[0]);
}
