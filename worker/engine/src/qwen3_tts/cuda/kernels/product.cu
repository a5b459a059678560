// Products of few rows with a weight matrix, and what is done to them at once.
//
// A product's time is that of reading its weights. They are streamed through shared memory, several
// stages ahead, and the first stages are asked for before the kernel in front has ended, as weights
// never change. Blocks that share a tile of outputs each take a stretch of the inputs; they form a
// cluster and add their parts up in each other's shared memory, always in the same order. How a
// row's sums are grouped depends on the matrix alone, never on how many rows there are, so a row
// comes out the same to the bit in any company.

#include "common.cuh"

// What becomes of a product. Mirrored by `Then` in `product.rs`.
enum Then : int {
  // Stored, after its bias if there is one.
  STORE = 0,
  // Stored in F32.
  LOGITS = 1,
  // silu(gate) * up, where the matrix has all gates and then all ups.
  GATE = 2,
  // Added to `sum`, and made ready for the norm that comes next.
  ADD = 3,
};

// Mirrored by `Product` in `product.rs`.
struct Product {
  const void *x;       // [rows, inputs]
  const void *weight;  // [outputs, inputs]
  const void *bias;    // [outputs] or null
  // Norm of x, if it is one behind `ADD`: partial sums of squares, [rows, square_tiles], or null.
  const float *squares;
  void *out;           // [rows, outputs], of GATE [rows, outputs / 2], of ADD [rows, outputs]
  // Of ADD:
  float *sum;              // [rows, outputs]: what is added to
  const void *next_norm;   // [outputs]: the weight of the norm that comes next
  float *next_squares;     // [rows, tiles]
  int rows, inputs, outputs, then, square_tiles;
  float eps;
};

constexpr int TILE = 64;    // outputs of a block
constexpr int DEPTH = 64;   // inputs of a stage
constexpr int WARPS = 4;
constexpr int PITCH = TILE + 4;

// The factor by which the norm scales this row of x. For whole warps.
__device__ __forceinline__ float norm_of(const Product &p, int row) {
  if (!p.squares) return 1.0f;
  const int lane = threadIdx.x % 32;
  float sum = 0;
  // The first 32 by themselves, so that several rows can be asked for at once.
  if (lane < p.square_tiles) sum = p.squares[row * p.square_tiles + lane];
#pragma unroll 1
  for (int tile = lane + 32; tile < p.square_tiles; tile += 32) sum += p.squares[row * p.square_tiles + tile];
  return rsqrtf(warp_sum(sum) / p.inputs + p.eps);
}

// Places of a lane's two numbers within a tile.
__device__ __forceinline__ int first_place(int then, int lane) { return then == GATE ? lane : 2 * lane; }
__device__ __forceinline__ int second_place(int then, int lane) { return then == GATE ? lane + 32 : 2 * lane + 1; }

// Row of the weights that a place of a tile comes from.
__device__ __forceinline__ int weight_row(const Product &p, Then then, int tile, int place) {
  if (then != GATE) return tile * TILE + place;
  return place < 32 ? tile * 32 + place : p.outputs / 2 + tile * 32 + place - 32;
}

// What a lane has of one row of one tile, and what was in its place of `sum` before.
struct Piece {
  float first, second, scale;
  float2 before, norm;
};

// The lane's two weights of the norm that comes next.
template <typename T> __device__ __forceinline__ float2 next_norm(const Product &p, int tile) {
  const int at = tile * TILE + 2 * (threadIdx.x % 32);
  float2 norm = {0, 0};
  if (p.then != ADD) return norm;
  if (at < p.outputs) norm.x = to_float(((const T *)p.next_norm)[at]);
  if (at + 1 < p.outputs) norm.y = to_float(((const T *)p.next_norm)[at + 1]);
  return norm;
}

// Reads ahead what `settle` needs of a row beside the product.
__device__ __forceinline__ float2 before(const Product &p, int row, int tile) {
  const int at = tile * TILE + 2 * (threadIdx.x % 32);
  float2 before = {0, 0};
  if (p.then != ADD) return before;
  const float *from = p.sum + (size_t)row * p.outputs + at;
  if (at < p.outputs) before.x = from[0];
  if (at + 1 < p.outputs) before.y = from[1];
  return before;
}

// Puts one row of one tile where it belongs. For a whole warp, each lane with its two numbers.
template <typename T> __device__ __forceinline__ void settle(const Product &p, int row, int tile, const Piece &piece) {
  const int lane = threadIdx.x % 32;
  const float a = piece.first * piece.scale, b = piece.second * piece.scale;
  if (p.then == GATE) {
    const int inner = p.outputs / 2, at = tile * 32 + lane;
    if (at < inner) ((T *)p.out)[(size_t)row * inner + at] = from_float<T>(a / (1.0f + expf(-a)) * b);
    return;
  }
  const int at = tile * TILE + 2 * lane;
  const float values[2] = {a, b}, old[2] = {piece.before.x, piece.before.y}, norm[2] = {piece.norm.x, piece.norm.y};
  float square = 0;
#pragma unroll
  for (int i = 0; i < 2; i++) {
    if (at + i >= p.outputs) continue;
    const size_t place = (size_t)row * p.outputs + at + i;
    if (p.then == LOGITS) {
      ((float *)p.out)[place] = values[i];
    } else if (p.then == STORE) {
      const float bias = p.bias ? to_float(((const T *)p.bias)[at + i]) : 0.0f;
      ((T *)p.out)[place] = from_float<T>(values[i] + bias);
    } else {
      const float sum = old[i] + values[i];
      p.sum[place] = sum;
      ((T *)p.out)[place] = from_float<T>(sum * norm[i]);
      square += sum * sum;
    }
  }
  if (p.then == ADD) {
    square = warp_sum(square);
    const int tiles = (p.outputs + TILE - 1) / TILE;
    if (lane == 0) p.next_squares[row * tiles + tile] = square;
  }
}

// The same where all outputs are there, for one purpose only: little code, as these kernels are so
// short that reading it takes much of their time.
template <Then THEN> __device__ __forceinline__ void settle_whole(const Product &p, int row, int tile, const Piece &piece) {
  const int lane = threadIdx.x % 32;
  const float a = piece.first * piece.scale, b = piece.second * piece.scale;
  if (THEN == GATE) {
    ((bf16 *)p.out)[(size_t)row * (p.outputs / 2) + tile * 32 + lane] = __float2bfloat16(__fdividef(a, 1.0f + __expf(-a)) * b);
    return;
  }
  const int at = tile * TILE + 2 * lane;
  const size_t place = (size_t)row * p.outputs + at;
  if (THEN == LOGITS) {
    *(float2 *)((float *)p.out + place) = {a, b};
  } else if (THEN == STORE) {
    float2 bias = {0, 0};
    if (p.bias) bias = __bfloat1622float2(*(const __nv_bfloat162 *)((const bf16 *)p.bias + at));
    *(__nv_bfloat162 *)((bf16 *)p.out + place) = __floats2bfloat162_rn(a + bias.x, b + bias.y);
  } else {
    const float2 sum = {piece.before.x + a, piece.before.y + b};
    *(float2 *)(p.sum + place) = sum;
    *(__nv_bfloat162 *)((bf16 *)p.out + place) = __floats2bfloat162_rn(sum.x * piece.norm.x, sum.y * piece.norm.y);
    const float square = warp_sum(sum.x * sum.x + sum.y * sum.y);
    if (lane == 0) p.next_squares[row * (p.outputs / TILE) + tile] = square;
  }
}

__device__ __forceinline__ uint32_t shared_address(const void *at) { return (uint32_t)__cvta_generic_to_shared(at); }

// Copies 16 bytes, or writes zeros if there is nothing to copy.
__device__ __forceinline__ void fetch(void *to, const void *from, bool there) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(there ? 16 : 0)
               : "memory");
}
__device__ __forceinline__ void close_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int OPEN> __device__ __forceinline__ void await_groups() {
  asm volatile("cp.async.wait_group %0;" ::"n"(OPEN) : "memory");
}

__device__ __forceinline__ void multiply(float (&sums)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,
                                         uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
               : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// A place of 16 bytes in a stage of rows of 128: neighbouring rows are turned by half a row, so that
// eight lanes reading two rows meet every bank once.
__device__ __forceinline__ int place(int row, int chunk) { return row * 8 + (chunk ^ ((row & 1) << 2)); }

// EIGHTS * 8 rows by TILE outputs. Inputs and outputs are multiples of the stage and the tile.
//
// Both operands are read from shared memory 16 bytes a lane. That hands inputs to the tensor cores
// in another order than they have, the same for both, which changes no product.
template <int EIGHTS, int STAGES, Then THEN> __device__ __forceinline__ void product(const Product &p) {
  constexpr int X_PLACES = EIGHTS * 8 * 8, W_PLACES = TILE * 8, PLACES = X_PLACES + W_PLACES;
  extern __shared__ __align__(128) uint4 memory[];
  const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32, g = lane / 4, t = lane % 4;
  const int tile = blockIdx.x, first_row = blockIdx.z * EIGHTS * 8;
  const int stretch = p.inputs / gridDim.y, first_input = blockIdx.y * stretch, stages = stretch / DEPTH;
  const bf16 *x = (const bf16 *)p.x, *weight = (const bf16 *)p.weight;

  auto fetch_weights = [&](int stage) {
    uint4 *to = memory + (stage % STAGES) * PLACES + X_PLACES;
    const int input = first_input + stage * DEPTH + thread % 8 * 8;
#pragma unroll
    for (int i = 0; i < W_PLACES / (WARPS * 32); i++) {
      const int row = thread / 8 + i * (WARPS * 4);
      fetch(to + place(row, thread % 8), weight + (size_t)weight_row(p, THEN, tile, row) * p.inputs + input, true);
    }
  };
  auto fetch_rows = [&](int stage) {
    uint4 *to = memory + (stage % STAGES) * PLACES;
    const int input = first_input + stage * DEPTH + thread % 8 * 8;
#pragma unroll
    for (int i = 0; i < (X_PLACES + WARPS * 32 - 1) / (WARPS * 32); i++) {
      const int row = thread / 8 + i * (WARPS * 4);
      if (EIGHTS == 1 && row >= 8) break;
      const bool there = first_row + row < p.rows;
      fetch(to + place(row, thread % 8), x + (size_t)(there ? first_row + row : 0) * p.inputs + input, there);
    }
  };

#if __CUDA_ARCH__ >= 900
  // Says that this block is there for the others of its cluster to write to.
  asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
#endif
#pragma unroll 1
  for (int stage = 0; stage < STAGES - 1 && stage < stages; stage++) fetch_weights(stage);
  const float2 norm = THEN == ADD ? next_norm<bf16>(p, tile) : float2{0, 0};
  let_next_start();
  wait_for_inputs();
#pragma unroll 1
  for (int stage = 0; stage < STAGES - 1; stage++) {
    if (stage < stages) fetch_rows(stage);
    close_group();
  }
  // Each four rows, one a warp, are settled by one block of the cluster, by turns.
  const int parts = gridDim.y, log_parts = 31 - __clz(parts), here = blockIdx.y * WARPS + warp, step = parts * WARPS;
  const int rows_here = min(p.rows - first_row, EIGHTS * 8);
  __shared__ float scales[EIGHTS * 8];
  if (THEN != ADD) {
#pragma unroll(EIGHTS > 2 ? 4 : 1)
    for (int row = here; row < rows_here; row += step) {
      const float scale = norm_of(p, first_row + row);
      if (lane == 0) scales[row] = scale;
    }
  }
  float sums[EIGHTS][4] = {};
#pragma unroll 1
  for (int stage = 0; stage < stages; stage++) {
    await_groups<STAGES - 2>();
    __syncthreads();
    const int ahead = stage + STAGES - 1;
    if (ahead < stages) fetch_weights(ahead), fetch_rows(ahead);
    close_group();
    const uint4 *rows = memory + (stage % STAGES) * PLACES, *weights = rows + X_PLACES;
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const uint4 low = weights[place(warp * 16 + g, half * 4 + t)];
      const uint4 high = weights[place(warp * 16 + g + 8, half * 4 + t)];
      uint4 b[EIGHTS];
#pragma unroll
      for (int eight = 0; eight < EIGHTS; eight++) b[eight] = rows[place(eight * 8 + g, half * 4 + t)];
#pragma unroll
      for (int eight = 0; eight < EIGHTS; eight++) {
        multiply(sums[eight], low.x, high.x, low.y, high.y, b[eight].x, b[eight].y);
      }
#pragma unroll
      for (int eight = 0; eight < EIGHTS; eight++) {
        multiply(sums[eight], low.z, high.z, low.w, high.w, b[eight].z, b[eight].w);
      }
    }
  }
  // All rows in place, then every part of a row to whoever settles it: [turns, WARPS, parts, TILE].
  __syncthreads();
  float *whole = (float *)memory;  // [rows, PITCH]
#pragma unroll
  for (int eight = 0; eight < EIGHTS; eight++) {
#pragma unroll
    for (int i = 0; i < 4; i++) whole[(eight * 8 + 2 * t + i % 2) * PITCH + warp * 16 + g + i / 2 * 8] = sums[eight][i];
  }
  __syncthreads();
  float *received = (float *)(memory + min(stages, STAGES) * PLACES);
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.wait.aligned;" ::: "memory");
#endif
#pragma unroll(EIGHTS > 2 ? 4 : 1)
  for (int row = warp * 2 + lane / 16; row < rows_here; row += WARPS * 2) {
    const float4 quarter = *(const float4 *)(whole + row * PITCH + lane % 16 * 4);
    const int four = row / WARPS;
    float *to = received + (((four >> log_parts) * WARPS + row % WARPS) * parts + blockIdx.y) * TILE + lane % 16 * 4;
#if __CUDA_ARCH__ >= 900
    uint32_t at = shared_address(to);
    asm volatile("mapa.shared::cluster.u32 %0, %0, %1;" : "+r"(at) : "r"(four & parts - 1));
    asm volatile("st.shared::cluster.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(at), "f"(quarter.x), "f"(quarter.y),
                 "f"(quarter.z), "f"(quarter.w)
                 : "memory");
#else
    *(float4 *)to = quarter;
#endif
  }
  constexpr int BATCH = THEN == ADD && EIGHTS > 2 ? 2 : 1;  // rows of a warp that are settled at once
  float2 old[BATCH] = {};
  if (THEN == ADD) {
#pragma unroll
    for (int i = 0; i < BATCH; i++) {
      if (here + i * step < rows_here) old[i] = before(p, first_row + here + i * step, tile);
    }
  }
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
#else
  __syncthreads();
#endif
  const int first = first_place(THEN, lane), second = second_place(THEN, lane);
#pragma unroll 1
  for (int begin = here; begin < rows_here; begin += BATCH * step) {
    Piece pieces[BATCH];
#pragma unroll
    for (int i = 0; i < BATCH; i++) {
      const int row = min(begin + i * step, rows_here - 1);
      const float *from = received + ((row / WARPS >> log_parts) * WARPS + warp) * parts * TILE;
      float a = 0, b = 0;
#pragma unroll
      for (int part = 0; part < 8; part++) {
        if (part < parts) a += from[part * TILE + first], b += from[part * TILE + second];
      }
      pieces[i] = {a, b, THEN == ADD ? 1.0f : scales[row], old[i], norm};
      if (THEN == ADD && begin != here) pieces[i].before = before(p, first_row + row, tile);
    }
#pragma unroll
    for (int i = 0; i < BATCH; i++) {
      if (begin + i * step < rows_here) settle_whole<THEN>(p, first_row + begin + i * step, tile, pieces[i]);
    }
  }
}

#define PRODUCT(ROWS, STAGES, NAME, THEN)                                                                     \
  extern "C" __global__ void __launch_bounds__(WARPS * 32)                                                    \
      product_##ROWS##_##NAME(const __grid_constant__ Product p) { product<ROWS / 8, STAGES, THEN>(p); }
#define PRODUCTS(ROWS, STAGES)         \
  PRODUCT(ROWS, STAGES, store, STORE)   \
  PRODUCT(ROWS, STAGES, logits, LOGITS) \
  PRODUCT(ROWS, STAGES, gate, GATE)     \
  PRODUCT(ROWS, STAGES, add, ADD)

PRODUCTS(8, 6)
PRODUCTS(16, 6)
PRODUCTS(32, 6)
PRODUCTS(64, 4)

// The same for any sizes and types, without haste: one row and tile a block.
template <typename T> __device__ __forceinline__ void plain(const Product &p) {
  __shared__ float part[TILE];
  wait_for_inputs();
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, tile = blockIdx.x, row = blockIdx.y;
  const T *x = (const T *)p.x + (size_t)row * p.inputs;
  const int limit = p.then == GATE ? p.outputs / 2 - tile * 32 : p.outputs - tile * TILE;
  for (int place = warp; place < TILE; place += WARPS) {
    float sum = 0;
    if ((p.then == GATE ? place % 32 : place) < limit) {
      const T *weight = (const T *)p.weight + (size_t)weight_row(p, (Then)p.then, tile, place) * p.inputs;
      for (int input = lane; input < p.inputs; input += 32) sum += to_float(x[input]) * to_float(weight[input]);
    }
    sum = warp_sum(sum);
    if (lane == 0) part[place] = sum;
  }
  __syncthreads();
  if (warp == 0) {
    settle<T>(p, row, tile,
              {part[first_place(p.then, lane)], part[second_place(p.then, lane)], norm_of(p, row), before(p, row, tile),
               next_norm<T>(p, tile)});
  }
}

extern "C" __global__ void __launch_bounds__(WARPS * 32) plain_bf16(const __grid_constant__ Product p) { plain<bf16>(p); }
extern "C" __global__ void __launch_bounds__(WARPS * 32) plain_f32(const __grid_constant__ Product p) { plain<float>(p); }
