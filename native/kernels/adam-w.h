// adamW: one step of Adam with decoupled weight decay.
//   p(updated) g m(updated) v(updated) hyper[8] | n
// hyper: lr, weightDecay, beta1, beta2, 1 - beta1^t, sqrt(1 - beta2^t), epsilon, factor of the gradient.

static void adamW(const Args& args) {
  float *p = (float*)args.p[0], *m = (float*)args.p[2], *v = (float*)args.p[3];
  const float *g = (const float*)args.p[1], *hyper = (const float*)args.p[4];
  const float decay = float(1.0 - double(hyper[0]) * hyper[1]);
  const float blend1 = float(1.0 - double(hyper[2])), blend2 = float(1.0 - double(hyper[3]));
  const float step = float(double(hyper[0]) / hyper[4]), unbias = float(1.0 / double(hyper[5]));
  const float epsilon = hyper[6], factor = hyper[7];
  for (int64_t i = 0; i < args.n[0]; i += lanes) {
    const int64_t left = args.n[0] - i;
    const Vector gradient = factor * loadUpTo(g + i, left);
    Vector first = loadUpTo(m + i, left), second = loadUpTo(v + i, left);
    first += blend1 * (gradient - first);
    second += blend2 * (gradient * gradient - second);
    storeUpTo(p + i, loadUpTo(p + i, left) * decay - step * first / (vsqrt(second) * unbias + epsilon), left);
    storeUpTo(m + i, first, left);
    storeUpTo(v + i, second, left);
  }
}
