// crossEntropy: per row the mean of -log p(label) over labels != -100, and its gradient; all in double, as the paper's code.
//   logits labels loss | R S V | kind(0 stablemax, 1 softmax)        logits labels dloss dlogits | R S V | kind
// stablemax: s(x) = x + 1 for x >= 0, else 1 / (1 - x + 1e-30); p = s / sum s. A label outside 0..V-1 gives NaN.

constexpr int32_t ignoredLabel = -100;

WHORL_INLINE double stable(double x) { return x >= 0 ? x + 1 : 1 / (1 - x + 1e-30); }
WHORL_INLINE double stableSlope(double x) { return x >= 0 ? 1 : stable(x) * stable(x); }

template <class T>
WHORL_INLINE double largest(const T* x, int64_t n) {
  double high = x[0];
  for (int64_t i = 1; i < n; i++) high = x[i] > high ? x[i] : high;
  return high;
}

WHORL_INLINE double countLabels(const int32_t* labels, int64_t S) {
  int64_t count = 0;
  for (int64_t s = 0; s < S; s++) count += labels[s] != ignoredLabel;
  return double(count > 0 ? count : 1);
}

template <class T>
static double negativeLog(const T* x, int64_t V, int32_t label, bool softmax) {
  if (label < 0 || label >= V) return __builtin_nan("");
  double total = 0;
  if (!softmax) {
    for (int64_t i = 0; i < V; i++) total += stable(x[i]);
    return -__builtin_log(stable(x[label]) / total);
  }
  const double high = largest(x, V);
  for (int64_t i = 0; i < V; i++) total += __builtin_exp(x[i] - high);
  return __builtin_log(total) - (x[label] - high);
}

template <class T>
static void crossEntropy(const Args& args) {
  const int64_t R = args.n[0], S = args.n[1], V = args.n[2];
  for (int64_t r = 0; r < R; r++) {
    const T* logits = (const T*)args.p[0] + r * S * V;
    const int32_t* labels = (const int32_t*)args.p[1] + r * S;
    double total = 0;
    for (int64_t s = 0; s < S; s++)
      if (labels[s] != ignoredLabel) total += negativeLog(logits + s * V, V, labels[s], args.f[0] == 1);
    ((float*)args.p[2])[r] = float(total / countLabels(labels, S));
  }
}

template <class T>
static void negativeLogGrad(const T* x, T* dx, int64_t V, int32_t label, bool softmax, double factor) {
  if (label < 0 || label >= V) factor = __builtin_nan("");
  const double high = softmax ? largest(x, V) : 0;
  double total = 0;
  for (int64_t i = 0; i < V; i++) total += softmax ? __builtin_exp(x[i] - high) : stable(x[i]);
  for (int64_t i = 0; i < V; i++) {
    double slope = (softmax ? __builtin_exp(x[i] - high) : stableSlope(x[i])) / total;
    if (i == label) slope -= softmax ? 1 : stableSlope(x[i]) / stable(x[i]);
    dx[i] = float(slope * factor);
  }
}

template <class T>
static void crossEntropyGrad(const Args& args) {
  const int64_t R = args.n[0], S = args.n[1], V = args.n[2];
  for (int64_t r = 0; r < R; r++) {
    const int32_t* labels = (const int32_t*)args.p[1] + r * S;
    const double factor = double(((const float*)args.p[2])[r]) / countLabels(labels, S);
    for (int64_t s = 0; s < S; s++) {
      const int64_t at = (r * S + s) * V;
      T* dlogits = (T*)args.p[3] + at;
      if (labels[s] == ignoredLabel)
        __builtin_memset(dlogits, 0, size_t(V) * sizeof(T));
      else
        negativeLogGrad((const T*)args.p[0] + at, dlogits, V, labels[s], args.f[0] == 1, factor);
    }
  }
}
