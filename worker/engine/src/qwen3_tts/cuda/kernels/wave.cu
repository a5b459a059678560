// The codec's causal convolutions, each with what comes before the next one.
//
// Activations are F16, of which they have few bits to spare and all the range they need; sums, and
// what units add to, are F32. A convolution is a product of windows with a matrix, but the windows
// are never written down: a tap's rows are the same rows some moments later.

#include "common.cuh"

#include <cuda_fp16.h>

// Mirrored by `Conv` in `waves.rs`. Points are moments times rows, a moment's rows side by side.
struct Conv {
  const __half *in;      // [points + back, channels], what came before included
  const __half *weight;  // [outputs, taps * channels]
  const float *bias;     // [outputs]
  // F32, [points * outputs / width, width]: added to if `adds`, written if `stores`; or null.
  float *sum;
  // Behind the next snake, the same shape.
  __half *out;
  const float *alpha, *height;  // [width], of that snake
  int points, channels, taps, step, outputs, width, rows, adds, stores;
};

constexpr int POINTS = 128;   // of a block
constexpr int OUTPUTS = 96;   // of a block
constexpr int DEPTH = 32;     // channels of a stage
constexpr int STAGES = 5;
constexpr int THREADS = 128;
constexpr int IN_PLACES = POINTS * 4, PLACES = IN_PLACES + OUTPUTS * 4;

__device__ __forceinline__ __half rounded(float x) { return __float2half(fminf(fmaxf(x, -65504.0f), 65504.0f)); }

// Squaring drops the sine's sign, so whole multiples of pi can go; what is left is small enough for
// the processor's own sine. Good to some millions, beyond which F32 angles mean nothing.
__device__ __forceinline__ float snake(float x, float alpha, float height) {
  const float angle = x * alpha;
  const float turns = rintf(angle * 0.318309886f);
  const float sine = __sinf(fmaf(-turns, 1.509958e-7f, fmaf(-turns, 9.675026e-4f, fmaf(-turns, 3.140625f, angle))));
  return x + sine * sine * height;
}

__device__ __forceinline__ void fetch(void *to, const void *from, bool there) {
  const uint32_t at = (uint32_t)__cvta_generic_to_shared(to);
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(there ? 16 : 0) : "memory");
}

__device__ __forceinline__ void multiply(float (&sums)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,
                                         uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
               : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// Channels are multiples of 32, width and so outputs of 96. As in `product.cu`, 16 bytes a lane hand
// channels to the tensor cores in an order of their own.
extern "C" __global__ void __launch_bounds__(THREADS, 3) convolve(const __grid_constant__ Conv p) {
  wait_for_inputs();
  constexpr int HIGH = 4, WIDE = 6;  // of a warp: 64 points by 48 outputs
  extern __shared__ __align__(128) uint4 memory[];
  const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32, g = lane / 4, t = lane % 4;
  const int first_point = blockIdx.x * POINTS, first_output = blockIdx.y * OUTPUTS;
  const int slices = p.channels / DEPTH, stages = p.taps * slices, depth = p.taps * p.channels;

  auto fetch_stage = [&](int stage) {
    uint4 *to = memory + stage % STAGES * PLACES;
    const int tap = stage / slices, channel = stage % slices * DEPTH + thread % 4 * 8;
    const __half *in = p.in + (size_t)tap * p.step * p.channels + channel;
#pragma unroll
    for (int i = 0; i < IN_PLACES / THREADS; i++) {
      const int point = thread / 4 + i * (THREADS / 4);
      const bool there = first_point + point < p.points;
      fetch(to + point * 4 + thread % 4, in + (size_t)(there ? first_point + point : 0) * p.channels, there);
    }
    const __half *weight = p.weight + (size_t)tap * p.channels + channel;
#pragma unroll
    for (int i = 0; i < OUTPUTS * 4 / THREADS; i++) {
      const int output = thread / 4 + i * (THREADS / 4);
      fetch(to + IN_PLACES + output * 4 + thread % 4, weight + (size_t)(first_output + output) * depth, true);
    }
  };

  for (int stage = 0; stage < STAGES - 1; stage++) {
    if (stage < stages) fetch_stage(stage);
    asm volatile("cp.async.commit_group;" ::: "memory");
  }
  const int high = warp / 2 * 64, wide = warp % 2 * 48;
  float sums[HIGH][WIDE][4] = {};
  for (int stage = 0; stage < stages; stage++) {
    asm volatile("cp.async.wait_group %0;" ::"n"(STAGES - 2) : "memory");
    __syncthreads();
    if (stage + STAGES - 1 < stages) fetch_stage(stage + STAGES - 1);
    asm volatile("cp.async.commit_group;" ::: "memory");
    const uint4 *in = memory + stage % STAGES * PLACES, *weight = in + IN_PLACES;
    uint4 b[WIDE];
#pragma unroll
    for (int j = 0; j < WIDE; j++) b[j] = weight[(wide + j * 8 + g) * 4 + t];
#pragma unroll
    for (int i = 0; i < HIGH; i++) {
      const uint4 low = in[(high + i * 16 + g) * 4 + t], upper = in[(high + i * 16 + g + 8) * 4 + t];
#pragma unroll
      for (int j = 0; j < WIDE; j++) multiply(sums[i][j], low.x, upper.x, low.y, upper.y, b[j].x, b[j].y);
#pragma unroll
      for (int j = 0; j < WIDE; j++) multiply(sums[i][j], low.z, upper.z, low.w, upper.w, b[j].z, b[j].w);
    }
  }

  // Outputs of a wider convolution are several moments side by side.
  const int moments = p.outputs / p.width, moment = first_output / p.width;
  size_t to[HIGH][2];
#pragma unroll
  for (int i = 0; i < HIGH; i++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int point = min(first_point + high + i * 16 + half * 8 + g, p.points - 1);
      to[i][half] = moments == 1 ? point : (size_t)(point / p.rows * moments + moment) * p.rows + point % p.rows;
    }
  }
#pragma unroll
  for (int j = 0; j < WIDE; j++) {
    const int output = first_output + wide + j * 8 + 2 * t, channel = output - moment * p.width;
    const float2 bias = *(const float2 *)(p.bias + output);
    const float2 alpha = *(const float2 *)(p.alpha + channel), height = *(const float2 *)(p.height + channel);
    float2 old[HIGH][2] = {};
    if (p.adds) {
#pragma unroll
      for (int i = 0; i < HIGH; i++) {
#pragma unroll
        for (int half = 0; half < 2; half++) old[i][half] = *(const float2 *)(p.sum + to[i][half] * p.width + channel);
      }
    }
#pragma unroll
    for (int i = 0; i < HIGH; i++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        if (first_point + high + i * 16 + half * 8 + g >= p.points) continue;
        const float2 x = {sums[i][j][2 * half] + bias.x + old[i][half].x,
                          sums[i][j][2 * half + 1] + bias.y + old[i][half].y};
        if (p.stores) *(float2 *)(p.sum + to[i][half] * p.width + channel) = x;
        __half2 bent;
        bent.x = rounded(snake(x.x, alpha.x, height.x));
        bent.y = rounded(snake(x.y, alpha.y, height.y));
        *(__half2 *)(p.out + to[i][half] * p.width + channel) = bent;
      }
    }
  }
}

// The last convolution, to one channel: samples. A warp for each.
struct Last {
  const __half *in;  // [points + back, channels]
  const float *weight;  // [taps * channels]
  const float *bias;    // [1]
  float *out;           // [points]
  int points, channels, taps, step;
};

extern "C" __global__ void __launch_bounds__(256) convolve_last(const __grid_constant__ Last p) {
  wait_for_inputs();
  const int lane = threadIdx.x % 32, warps = gridDim.x * 8;
  for (int point = blockIdx.x * 8 + threadIdx.x / 32; point < p.points; point += warps) {
    float sum = 0;
    for (int tap = 0; tap < p.taps; tap++) {
      const __half2 *in = (const __half2 *)(p.in + (size_t)(point + tap * p.step) * p.channels);
      const float2 *weight = (const float2 *)(p.weight + tap * p.channels);
      for (int pair = lane; pair < p.channels / 2; pair += 32) {
        const float2 x = __half22float2(in[pair]), w = weight[pair];
        sum += x.x * w.x + x.y * w.y;
      }
    }
    sum = warp_sum(sum);
    if (lane == 0) p.out[point] = sum + p.bias[0];
  }
}

// Numbers to F16 and back: what layers remember is F32.
struct Cast {
  const void *from;
  void *to;
  int count;
};

extern "C" __global__ void __launch_bounds__(256) narrow(const __grid_constant__ Cast p) {
  wait_for_inputs();
  for (int i = blockIdx.x * 256 + threadIdx.x; i < p.count; i += gridDim.x * 256)
    ((__half *)p.to)[i] = rounded(((const float *)p.from)[i]);
}
extern "C" __global__ void __launch_bounds__(256) widen(const __grid_constant__ Cast p) {
  wait_for_inputs();
  for (int i = blockIdx.x * 256 + threadIdx.x; i < p.count; i += gridDim.x * 256)
    ((float *)p.to)[i] = __half2float(((const __half *)p.from)[i]);
}
