// Attention of one or two new positions of each line over all that it has.

#include "common.cuh"

// Mirrored by `Attention` in `attention.rs`.
struct Attention {
  const void *qkv;  // [lines * tokens, (2 * kv_heads + 2 * kv_heads) * D]: queries, keys, values
  void *keys;       // [slots, kv_heads, capacity, D]
  void *values;     // the same
  void *out;        // [lines * tokens, 2 * kv_heads * D]
  const void *q_norm, *k_norm;  // [D]
  const float *frequencies;     // [D / 2]
  // Where the lines are; null if each begins at `position` and its place in the batch is its slot.
  const Row *rows;
  int kv_heads, capacity, tokens, position;
  float eps;
};

constexpr int QUERIES = 2;  // query heads that share a key head
constexpr int AHEAD = 4;    // keys that a lane asks for at once

// Norms a head and turns it to its position. For a whole warp.
template <typename T, int D>
__device__ __forceinline__ void turn(const T *head, const T *norm, const float *frequencies, int position, float eps,
                                     float scale, float *to) {
  constexpr int PAIRS = (D / 2 + 31) / 32;
  const int lane = threadIdx.x % 32;
  float low[PAIRS], high[PAIRS], square = 0;
#pragma unroll
  for (int i = 0; i < PAIRS; i++) {
    const int pair = lane + 32 * i;
    low[i] = pair < D / 2 ? to_float(head[pair]) : 0.0f;
    high[i] = pair < D / 2 ? to_float(head[pair + D / 2]) : 0.0f;
    square += low[i] * low[i] + high[i] * high[i];
  }
  const float factor = rsqrtf(warp_sum(square) / D + eps);
#pragma unroll
  for (int i = 0; i < PAIRS; i++) {
    const int pair = lane + 32 * i;
    if (pair >= D / 2) continue;
    float sin, cos;
    sincosf(position * frequencies[pair], &sin, &cos);
    const float a = low[i] * factor * to_float(norm[pair]);
    const float b = high[i] * factor * to_float(norm[pair + D / 2]);
    to[pair] = (a * cos - b * sin) * scale;
    to[pair + D / 2] = (b * cos + a * sin) * scale;
  }
}

// One block for each line and key head. Blocks are always of the same size, so that a line's sums
// are grouped by its own length alone.
template <typename T, int D> __device__ __forceinline__ void attend(const Attention &p) {
  constexpr int LANES = D / 8;              // lanes of a key
  constexpr int GROUPS = 32 / LANES;        // keys of a warp
  __shared__ float turned[QUERIES + 1][D];  // queries, then the key
  __shared__ float mixed[16][QUERIES][D];
  __shared__ float largest[16][QUERIES], total[16][QUERIES];
  const int head = blockIdx.x, line = blockIdx.y;
  const int warps = blockDim.x / 32, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int group = lane / LANES, part = lane % LANES;
  const int heads = p.kv_heads, width = 4 * heads * D;
  let_next_start();
  wait_for_inputs();
  const int start = p.rows ? p.rows[line].length : p.position;
  const size_t slot = p.rows ? p.rows[line].slot : line;
  T *keys = (T *)p.keys + (slot * heads + head) * p.capacity * D;
  T *values = (T *)p.values + (slot * heads + head) * p.capacity * D;

#pragma unroll 1
  for (int token = 0; token < p.tokens; token++) {
    const int position = start + token, count = position + 1;
    const T *row = (const T *)p.qkv + (size_t)(line * p.tokens + token) * width;
#pragma unroll 1
    for (int job = warp; job < QUERIES + 2; job += warps) {
      const T *value = row + ((QUERIES + 1) * heads + head) * D;
      if (job <= QUERIES) {
        const bool is_key = job == QUERIES;
        turn<T, D>(row + (is_key ? QUERIES * heads + head : head * QUERIES + job) * D,
                   (const T *)(is_key ? p.k_norm : p.q_norm), p.frequencies, position, p.eps,
                   is_key ? 1.0f : rsqrtf((float)D), turned[job]);
        __syncwarp();
        if (is_key) {
#pragma unroll 1
          for (int i = lane; i < D; i += 32) keys[(size_t)position * D + i] = from_float<T>(turned[job][i]);
        }
      } else {
#pragma unroll 1
        for (int i = lane; i < D; i += 32) values[(size_t)position * D + i] = value[i];
      }
    }
    __syncthreads();

    float q[QUERIES][8], sums[QUERIES][8] = {}, most[QUERIES], weight[QUERIES] = {};
#pragma unroll
    for (int i = 0; i < QUERIES; i++) {
      most[i] = -INFINITY;
#pragma unroll
      for (int j = 0; j < 8; j++) q[i][j] = turned[i][part * 8 + j];
    }
    const int stride = warps * GROUPS;
#pragma unroll 1
    for (int first = warp * GROUPS; first < count; first += AHEAD * stride) {
      Eight<T> k[AHEAD], v[AHEAD];
#pragma unroll
      for (int i = 0; i < AHEAD; i++) {
        const int at = min(first + group + i * stride, count - 1);
        k[i].load(keys + (size_t)at * D + part * 8);
        v[i].load(values + (size_t)at * D + part * 8);
      }
      float scores[AHEAD][QUERIES];
#pragma unroll
      for (int i = 0; i < AHEAD; i++) {
        float numbers[8];
        k[i].get(numbers);
#pragma unroll
        for (int n = 0; n < QUERIES; n++) {
          float score = 0;
#pragma unroll
          for (int j = 0; j < 8; j++) score += q[n][j] * numbers[j];
#pragma unroll
          for (int step = 1; step < LANES; step *= 2) score += __shfl_xor_sync(EVERY_LANE, score, step);
          scores[i][n] = first + group + i * stride < count ? score : -INFINITY;
        }
      }
#pragma unroll
      for (int n = 0; n < QUERIES; n++) {
        float next = most[n];
#pragma unroll
        for (int i = 0; i < AHEAD; i++) next = fmaxf(next, scores[i][n]);
        if (next == -INFINITY) continue;
        const float fade = __expf(most[n] - next);
        most[n] = next;
        weight[n] *= fade;
#pragma unroll
        for (int j = 0; j < 8; j++) sums[n][j] *= fade;
#pragma unroll
        for (int i = 0; i < AHEAD; i++) {
          const float share = __expf(scores[i][n] - next);
          float numbers[8];
          v[i].get(numbers);
          weight[n] += share;
#pragma unroll
          for (int j = 0; j < 8; j++) sums[n][j] += share * numbers[j];
        }
      }
    }
    // The groups of a warp, then the warps.
#pragma unroll
    for (int n = 0; n < QUERIES; n++) {
      float next = most[n];
#pragma unroll
      for (int step = LANES; step < 32; step *= 2) next = fmaxf(next, __shfl_xor_sync(EVERY_LANE, next, step));
      const float fade = most[n] == -INFINITY ? 0.0f : __expf(most[n] - next);
      weight[n] *= fade;
#pragma unroll
      for (int step = LANES; step < 32; step *= 2) weight[n] += __shfl_xor_sync(EVERY_LANE, weight[n], step);
#pragma unroll
      for (int j = 0; j < 8; j++) {
        sums[n][j] *= fade;
#pragma unroll
        for (int step = LANES; step < 32; step *= 2) sums[n][j] += __shfl_xor_sync(EVERY_LANE, sums[n][j], step);
        if (group == 0) mixed[warp][n][part * 8 + j] = sums[n][j];
      }
      if (lane == 0) largest[warp][n] = next, total[warp][n] = weight[n];
    }
    __syncthreads();
    T *out = (T *)p.out + ((size_t)(line * p.tokens + token) * heads + head) * QUERIES * D;
#pragma unroll 1
    for (int i = threadIdx.x; i < QUERIES * D; i += blockDim.x) {
      const int n = i / D;
      float most_of_all = -INFINITY, sum = 0, share = 0;
#pragma unroll 4
      for (int other = 0; other < warps; other++) most_of_all = fmaxf(most_of_all, largest[other][n]);
#pragma unroll 4
      for (int other = 0; other < warps; other++) {
        const float factor = largest[other][n] == -INFINITY ? 0.0f : __expf(largest[other][n] - most_of_all);
        sum += factor * mixed[other][n][i % D];
        share += factor * total[other][n];
      }
      out[i] = from_float<T>(sum / share);
    }
    __syncthreads();
  }
}

#define ATTEND(NAME, T, D) \
  extern "C" __global__ void __launch_bounds__(512) NAME(const __grid_constant__ Attention p) { attend<T, D>(p); }

ATTEND(attend_bf16_128, bf16, 128)
ATTEND(attend_bf16_64, bf16, 64)
ATTEND(attend_bf16_32, bf16, 32)
ATTEND(attend_bf16_16, bf16, 16)
ATTEND(attend_f32_128, float, 128)
ATTEND(attend_f32_64, float, 64)
ATTEND(attend_f32_32, float, 32)
ATTEND(attend_f32_16, float, 16)
