// What all kernels have in common.

#pragma once

#include <cuda_bf16.h>

#include <cstdint>

typedef __nv_bfloat16 bf16;

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(bf16 x) { return __bfloat162float(x); }

template <typename T> __device__ __forceinline__ T from_float(float x);
template <> __device__ __forceinline__ float from_float<float>(float x) { return x; }
template <> __device__ __forceinline__ bf16 from_float<bf16>(float x) { return __float2bfloat16(x); }

// Eight neighbouring numbers, as they are loaded.
template <typename T> struct Eight;
template <> struct Eight<bf16> {
  uint4 raw;
  __device__ __forceinline__ void load(const bf16 *from) { raw = *(const uint4 *)from; }
  __device__ __forceinline__ void get(float *to) const {
    const uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
      to[2 * i] = __uint_as_float(words[i] << 16);
      to[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000u);
    }
  }
};
template <> struct Eight<float> {
  float4 low, high;
  __device__ __forceinline__ void load(const float *from) {
    low = ((const float4 *)from)[0];
    high = ((const float4 *)from)[1];
  }
  __device__ __forceinline__ void get(float *to) const {
    to[0] = low.x, to[1] = low.y, to[2] = low.z, to[3] = low.w;
    to[4] = high.x, to[5] = high.y, to[6] = high.z, to[7] = high.w;
  }
};

constexpr unsigned EVERY_LANE = 0xffffffffu;

__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) x += __shfl_xor_sync(EVERY_LANE, x, step);
  return x;
}

__device__ __forceinline__ float warp_max(float x) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(EVERY_LANE, x, step));
  return x;
}

// Lets the next kernel come up while this one runs. It waits in its own `wait_for_inputs`.
__device__ __forceinline__ void let_next_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// Waits until all kernels before this one are done and what they wrote can be read. Every kernel
// calls it before it reads what another wrote and before it writes anything.
__device__ __forceinline__ void wait_for_inputs() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// A line as a frame finds it. Mirrored by `Row` in `rows.rs`.
struct Row {
  // What is added to the frame's embedding: the talker's width, in its type.
  const void *text;
  // Where it is in everything that outlives a frame.
  uint32_t slot;
  // Positions the talker has of it.
  uint32_t length;
  // Ids it has.
  uint32_t count;
  // How many of the likeliest may be drawn, [talker, predictor]; 0 is all.
  uint32_t top_k[2];
  // Divides logits; 0 takes the likeliest.
  float temperature[2];
  // The probability that may be struck out.
  float spare[2];
  // Weakens ids that the line has.
  float penalty;
  // The numbers that decide its codes, from 0 and below 1.
  float draws[16];
};
static_assert(sizeof(Row) == 112, "rows.rs says so, too");
