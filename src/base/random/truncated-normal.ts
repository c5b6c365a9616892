// The truncated normal of the reference's initialisation (JAX style, spec/trm.md section 2): cut at two
// standard deviations and widened so that the result has the standard deviation asked for.
// PyTorch's own trunc_normal_ leaves the widening out. Not a general erfinv: only |u| ≤ 0.9976.

const SQRT_2 = Math.SQRT2;
/** erf(√2): the mass within two standard deviations. */
const MASS = 0.9544997361036416;
/** 1 / √(1 − 4 φ(2) / MASS), φ the normal density. */
const WIDENING = 1 / Math.sqrt(1 - (4 * Math.exp(-2)) / Math.sqrt(2 * Math.PI) / MASS);
const BOUND = 2 * WIDENING;

/** The value at `quantile` in [0, 1] of the truncated normal with standard deviation one. */
export function truncatedNormalQuantile(quantile: number): number {
  const u = (2 * quantile - 1) * MASS;
  const x = SQRT_2 * WIDENING * centralErfinv(u);
  return Math.min(BOUND, Math.max(-BOUND, x));
}

/** erfinv for |u| ≤ 0.9976 (w < 6.25), the central polynomial of Giles 2010, double precision. */
function centralErfinv(u: number): number {
  const w = -Math.log((1 - u) * (1 + u)) - 3.125;
  let p = CENTRAL[0];
  for (let i = 1; i < CENTRAL.length; i++) p = p * w + CENTRAL[i];
  return p * u;
}

const CENTRAL = [
  -3.64441206401782e-21, -1.6850591381820166e-19, 1.28584807152564e-18, 1.1157877678025181e-17,
  -1.333171662854621e-16, 2.0972767875968562e-17, 6.637638134358324e-15, -4.054566272975207e-14,
  -8.151934197605472e-14, 2.6335093153082323e-12, -1.2975133253453532e-11, -5.415412054294628e-11,
  1.0512122733215323e-9, -4.112633980346984e-9, -2.9070369957882005e-8, 4.2347877827932404e-7,
  -1.3654692000834679e-6, -1.3882523362786469e-5, 0.00018673420803405714, -0.000740702534166267,
  -0.006033670871430149, 0.24015818242558962, 1.6536545626831027,
];
