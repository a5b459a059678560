// Choosing a code, and what the code means to what comes next.

#include "common.cuh"

// Mirrored by `Choose` in `choose.rs`.
struct Choose {
  const float *logits;  // [rows * tokens, vocabulary], of which the last token's count
  const Row *rows;
  uint32_t *codes;      // [rows, 16]
  uint32_t *seen;       // [slots, seen_words], a bit for each id that a line has
  // Every code as the talker knows it, [vocabulary, wide].
  const void *meanings;
  float *meaning;       // [rows, wide]: the frame so far
  // What the next position begins with: every code as the predictor knows it, [vocabulary, width],
  // or null after the last code, when it is the frame's meaning and the row's text.
  const void *inputs;
  // In front of the first code's position: what the talker made of all before, [rows, width].
  const void *before;
  // Where the next position's norm takes it from: [rows * tokens, width] each.
  float *sum;
  void *ready;
  const void *next_norm;  // [width]
  float *next_squares;    // [rows * tokens, square_tiles]
  int book, tokens, vocabulary, wide, width, seen_words, square_tiles;
  int first_control, end, fewest;
};

constexpr int THREADS = 1024;
constexpr int WARPS = THREADS / 32;
constexpr int EACH = 4;  // ids of a thread

// What threads tell each other; two of each, so that one may be read while the next is written.
struct Board {
  float floats[2][WARPS];
  uint32_t words[2][WARPS];
  int turn;
};

enum Fold { SUM, LEAST, MOST };

template <Fold FOLD> __device__ __forceinline__ uint32_t fold(uint32_t x) {
  return FOLD == SUM ? __reduce_add_sync(EVERY_LANE, x)
                     : FOLD == LEAST ? __reduce_min_sync(EVERY_LANE, x) : __reduce_max_sync(EVERY_LANE, x);
}

template <Fold FOLD> __device__ __forceinline__ uint32_t over_all(uint32_t x, uint32_t (&board)[2][WARPS], int &turn) {
  x = fold<FOLD>(x);
  turn ^= 1;
  if (threadIdx.x % 32 == 0) board[turn][threadIdx.x / 32] = x;
  __syncthreads();
  return fold<FOLD>(board[turn][threadIdx.x % 32]);
}

__device__ __forceinline__ float sum_over_all(float x, float (&board)[2][WARPS], int &turn) {
  x = warp_sum(x);
  turn ^= 1;
  if (threadIdx.x % 32 == 0) board[turn][threadIdx.x / 32] = x;
  __syncthreads();
  return warp_sum(board[turn][threadIdx.x % 32]);
}

// Numbers to words that are ordered alike.
__device__ __forceinline__ uint32_t ordered(float x) {
  const uint32_t bits = __float_as_uint(x);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ float unordered(uint32_t x) {
  return __uint_as_float(x & 0x80000000u ? x & 0x7fffffffu : ~x);
}

// Chooses one of the ids whose logits the threads hold, `each` neighbouring ones a thread.
__device__ __forceinline__ uint32_t choose(float (&logits)[EACH], int each, int vocabulary, float temperature,
                                           uint32_t top_k, float spare, float draw) {
  __shared__ uint32_t words[2][WARPS];
  __shared__ float floats[2][WARPS];
  int turn = 0, other_turn = 0;
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const uint32_t none = 0xffffffffu;
  if (temperature > 0) {
#pragma unroll
    for (int i = 0; i < EACH; i++) logits[i] /= temperature;
  }
  uint32_t keys[EACH], best = 0;
#pragma unroll
  for (int i = 0; i < EACH; i++) {
    keys[i] = i < each ? ordered(logits[i]) : 0;
    best = max(best, keys[i]);
  }
  best = over_all<MOST>(best, words, turn);
  if (temperature <= 0) {
    uint32_t id = none;
#pragma unroll
    for (int i = EACH - 1; i >= 0; i--) {
      if (i < each && keys[i] == best) id = thread * each + i;
    }
    return over_all<LEAST>(id, words, turn);
  }
  uint32_t edge = 0;
  if (top_k > 0 && top_k < vocabulary) {
    // The largest word that at least k are not below, from its highest bit down.
#pragma unroll 1
    for (int bit = 31; bit >= 0; bit--) {
      const uint32_t candidate = edge | 1u << bit;
      uint32_t count = 0;
#pragma unroll
      for (int i = 0; i < EACH; i++) count += keys[i] >= candidate;
      count = over_all<SUM>(count, words, turn);
      if (count >= top_k) edge = candidate;
      if (count == top_k) break;
    }
  }
  const float largest = unordered(best);
  float shares[EACH];
#pragma unroll
  for (int i = 0; i < EACH; i++) shares[i] = i < each && keys[i] >= edge ? expf(logits[i] - largest) : 0.0f;
  if (spare > 0) {
    float all = 0;
#pragma unroll
    for (int i = 0; i < EACH; i++) all += shares[i];
    const float limit = spare * sum_over_all(all, floats, other_turn);
    // The largest word below which there is no more than may be struck out.
    edge = 0;
#pragma unroll 1
    for (int bit = 31; bit >= 0; bit--) {
      const uint32_t candidate = edge | 1u << bit;
      float below = 0;
#pragma unroll
      for (int i = 0; i < EACH; i++) below += keys[i] < candidate ? shares[i] : 0.0f;
      if (sum_over_all(below, floats, other_turn) <= limit) edge = candidate;
    }
    edge = min(edge, best);
#pragma unroll
    for (int i = 0; i < EACH; i++) shares[i] = keys[i] >= edge ? shares[i] : 0.0f;
  }
  // Sums of all shares up to each thread's, in the order of the ids.
  float own = 0;
#pragma unroll
  for (int i = 0; i < EACH; i++) own += shares[i];
  float upto = own;
#pragma unroll
  for (int step = 1; step < 32; step *= 2) {
    const float lower = __shfl_up_sync(EVERY_LANE, upto, step);
    if (lane >= step) upto += lower;
  }
  __shared__ float ends[WARPS];
  if (lane == 31) ends[warp] = upto;
  __syncthreads();
  float before = 0, all = 0;
#pragma unroll 4
  for (int other = 0; other < WARPS; other++) {
    if (other == warp) before = all;
    all += ends[other];
  }
  const float target = draw * all;
  float sum = before + (upto - own);
  uint32_t id = none, last = 0;
#pragma unroll
  for (int i = 0; i < EACH; i++) {
    sum += shares[i];
    if (shares[i] > 0) {
      last = thread * each + i + 1;
      if (id == none && sum > target) id = thread * each + i;
    }
  }
  id = over_all<LEAST>(id, words, turn);
  last = over_all<MOST>(last, words, turn);
  return id == none ? (last == 0 ? 0 : last - 1) : id;  // nothing is likely if numbers are none
}

// Begins position `at` with `x`, and readies it for its norm. For all threads.
template <typename T, typename X>
__device__ __forceinline__ void begin(const Choose &p, size_t at, X x) {
  __shared__ float floats[2][WARPS];
  int turn = 0;
  float square = 0;
#pragma unroll 1
  for (int i = threadIdx.x; i < p.width; i += THREADS) {
    const float number = x(i);
    p.sum[at * p.width + i] = number;
    ((T *)p.ready)[at * p.width + i] = from_float<T>(number * to_float(((const T *)p.next_norm)[i]));
    square += number * number;
  }
  square = sum_over_all(square, floats, turn);
#pragma unroll 1
  for (int tile = threadIdx.x; tile < p.square_tiles; tile += THREADS) {
    p.next_squares[at * p.square_tiles + tile] = tile == 0 ? square : 0.0f;
  }
  __syncthreads();
}

template <typename T> __device__ __forceinline__ void choose_and_go_on(const Choose &p) {
  const int line = blockIdx.x, each = (p.vocabulary + THREADS - 1) / THREADS;
  let_next_start();
  wait_for_inputs();
  const Row &row = p.rows[line];
  const bool is_first = p.book == 0;
  uint32_t *seen = p.seen + (size_t)row.slot * p.seen_words;
  float logits[EACH];
#pragma unroll
  for (int i = 0; i < EACH; i++) {
    const int id = threadIdx.x * each + i;
    if (i >= each || id >= p.vocabulary) {
      logits[i] = -INFINITY;
      continue;
    }
    float logit = p.logits[((size_t)(line + 1) * p.tokens - 1) * p.vocabulary + id];
    if (is_first) {
      if (seen[id / 32] >> id % 32 & 1) logit = logit < 0 ? logit * row.penalty : logit / row.penalty;
      const bool may_end = id == p.end && row.count >= p.fewest;
      if (id >= p.first_control && !may_end) logit = -INFINITY;
    }
    logits[i] = logit;
  }
  const int who = is_first ? 0 : 1;
  const uint32_t id = choose(logits, each, p.vocabulary, row.temperature[who], row.top_k[who], row.spare[who],
                             row.draws[p.book]);
  if (threadIdx.x == 0) {
    p.codes[line * 16 + p.book] = id;
    if (is_first) seen[id / 32] |= 1u << id % 32;
  }
  const T *meanings = (const T *)p.meanings + (size_t)id * p.wide;
  float *meaning = p.meaning + (size_t)line * p.wide;
  if (!p.inputs) {
    const T *text = (const T *)row.text;
    begin<T>(p, line, [&](int i) { return meaning[i] + to_float(meanings[i]) + to_float(text[i]); });
    return;
  }
#pragma unroll 1
  for (int i = threadIdx.x; i < p.wide; i += THREADS) {
    meaning[i] = (is_first ? 0.0f : meaning[i]) + to_float(meanings[i]);
  }
  const T *input = (const T *)p.inputs + (size_t)id * p.width;
  if (!is_first) {
    begin<T>(p, line, [&](int i) { return to_float(input[i]); });
    return;
  }
  const T *before = (const T *)p.before + (size_t)line * p.width;
  begin<T>(p, 2 * (size_t)line, [&](int i) { return to_float(before[i]); });
  begin<T>(p, 2 * (size_t)line + 1, [&](int i) { return to_float(input[i]); });
}

extern "C" __global__ void __launch_bounds__(THREADS) choose_bf16(const __grid_constant__ Choose p) { choose_and_go_on<bf16>(p); }
extern "C" __global__ void __launch_bounds__(THREADS) choose_f32(const __grid_constant__ Choose p) { choose_and_go_on<float>(p); }

// Mirrored by `Carry` in `carry.rs`: what the talker made of each line, from frame to frame.
struct Carry {
  void *kept;  // [slots, width], normed
  void *rows_of_batch;  // [rows, width]; to be normed where there are squares
  const float *squares;  // [rows, square_tiles]
  const Row *rows;
  int width, square_tiles;
  float eps;
};

template <typename T> __device__ __forceinline__ void fetch_lines(const Carry &p) {
  let_next_start();
  wait_for_inputs();
  const T *from = (const T *)p.kept + (size_t)p.rows[blockIdx.x].slot * p.width;
  T *to = (T *)p.rows_of_batch + (size_t)blockIdx.x * p.width;
#pragma unroll 1
  for (int i = threadIdx.x; i < p.width; i += blockDim.x) to[i] = from[i];
}

template <typename T> __device__ __forceinline__ void keep_lines(const Carry &p) {
  let_next_start();
  wait_for_inputs();
  float sum = 0;
#pragma unroll 1
  for (int tile = threadIdx.x % 32; tile < p.square_tiles; tile += 32) sum += p.squares[blockIdx.x * p.square_tiles + tile];
  const float factor = rsqrtf(warp_sum(sum) / p.width + p.eps);
  const T *from = (const T *)p.rows_of_batch + (size_t)blockIdx.x * p.width;
  T *to = (T *)p.kept + (size_t)p.rows[blockIdx.x].slot * p.width;
#pragma unroll 1
  for (int i = threadIdx.x; i < p.width; i += blockDim.x) to[i] = from_float<T>(to_float(from[i]) * factor);
}

extern "C" __global__ void __launch_bounds__(256) fetch_bf16(const __grid_constant__ Carry p) { fetch_lines<bf16>(p); }
extern "C" __global__ void __launch_bounds__(256) fetch_f32(const __grid_constant__ Carry p) { fetch_lines<float>(p); }
extern "C" __global__ void __launch_bounds__(256) keep_bf16(const __grid_constant__ Carry p) { keep_lines<bf16>(p); }
extern "C" __global__ void __launch_bounds__(256) keep_f32(const __grid_constant__ Carry p) { keep_lines<float>(p); }
