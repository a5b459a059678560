//! The kernels, and how they are launched.

use std::ffi::c_void;
use std::mem::zeroed;
use std::sync::Arc;

use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{
    CudaContext, CudaFunction, CudaModule, CudaStream, sys,
};
use candle_core::cuda_backend::cudarc::nvrtc::Ptx;
use candle_core::{DType, Error, Result};

use super::product::{BLOCKS, Then};

/// Code for GPUs of this generation, and for the driver to translate for later ones.
static PRODUCT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/product.fatbin"));
static ATTENTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/attention.fatbin"));
static CHOOSE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/choose.fatbin"));

/// The oldest GPUs they are for: those whose blocks can read each other's shared memory.
pub(super) const GENERATION: (i32, i32) = (9, 0);

/// All kernels for numbers of one type.
pub(super) struct Kernels {
    pub(super) stream: Arc<CudaStream>,
    /// Blocks that products are cut into, if they can.
    pub(super) blocks: usize,
    /// For up to so many rows at a time, ascending; only for BF16.
    pub(super) products: Vec<ProductKernel>,
    /// For sizes that the others are not for.
    pub(super) plain: CudaFunction,
    /// By head width.
    pub(super) attention: Vec<(usize, CudaFunction)>,
    pub(super) choose: CudaFunction,
    pub(super) fetch: CudaFunction,
    pub(super) keep: CudaFunction,
}

/// A product for up to so many rows at a time.
pub(super) struct ProductKernel {
    pub(super) rows: usize,
    /// By what becomes of the product.
    functions: [CudaFunction; 4],
    /// Stages that are read ahead, at most.
    pub(super) stages: usize,
}

/// How a kernel is laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    pub(super) blocks: (usize, usize, usize),
    pub(super) threads: u32,
    /// Bytes a block is given beside what it has by itself.
    pub(super) shared: u32,
    /// Blocks, neighbours in the second direction, that can read each other's memory.
    pub(super) cluster: u32,
}

/// Rows and stages of each product kernel, as `product.cu` has them.
const PRODUCTS: [(usize, usize); 4] = [(8, 6), (16, 6), (32, 6), (64, 4)];

impl ProductKernel {
    /// The kernel that does `then` with the product.
    pub(super) fn function(&self, then: Then) -> &CudaFunction {
        let [store, logits, gate, add] = &self.functions;
        match then {
            Then::Store => store,
            Then::Logits => logits,
            Then::Gate => gate,
            Then::Add => add,
        }
    }
}

impl Kernels {
    /// Loads them for numbers of type `dtype`, BF16 or F32.
    pub(super) fn load(device: &CudaDevice, dtype: DType) -> Result<Self> {
        let stream = device.cuda_stream();
        let context = stream.context();
        let product = load(context, PRODUCT)?;
        let attention = load(context, ATTENTION)?;
        let choose = load(context, CHOOSE)?;
        let kind = if dtype == DType::BF16 { "bf16" } else { "f32" };
        let heads = [128, 64, 32, 16].into_iter();
        Ok(Self {
            products: if dtype == DType::BF16 { products(&product)? } else { Vec::new() },
            plain: product(&format!("plain_{kind}"))?,
            attention: heads
                .map(|width| Ok((width, attention(&format!("attend_{kind}_{width}"))?)))
                .collect::<Result<_>>()?,
            choose: choose(&format!("choose_{kind}"))?,
            fetch: choose(&format!("fetch_{kind}"))?,
            keep: choose(&format!("keep_{kind}"))?,
            stream,
            blocks: BLOCKS,
        })
    }

    /// Launches a kernel on the stream of these.
    ///
    /// # Safety
    /// As for [`launch`].
    pub(super) unsafe fn launch<P: Copy>(
        &self,
        function: &CudaFunction,
        parameters: &P,
        grid: Grid,
    ) -> Result<()> {
        // SAFETY: the caller's.
        unsafe { launch(&self.stream, function, parameters, grid) }
    }
}

fn products(find: &impl Fn(&str) -> Result<CudaFunction>) -> Result<Vec<ProductKernel>> {
    let kernel = |&(rows, stages): &(usize, usize)| {
        let find = |then: &str| find(&format!("product_{rows}_{then}"));
        let functions = [find("store")?, find("logits")?, find("gate")?, find("add")?];
        let kernel = ProductKernel { rows, functions, stages };
        for function in &kernel.functions {
            allow(function, kernel.most_shared())?;
        }
        Ok(kernel)
    };
    PRODUCTS.iter().map(kernel).collect()
}

/// Lets blocks of a kernel have so many bytes of shared memory.
pub(super) fn allow(function: &CudaFunction, shared: u32) -> Result<()> {
    let limit = sys::CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
    function.set_attribute(limit, shared.cast_signed()).map_err(Error::wrap)
}

/// Launches a kernel that takes one `parameters`, behind all that was launched before. It may come
/// up before they have ended, and waits for them by itself.
///
/// # Safety
/// `parameters` are what the kernel takes, and every address in them is of memory that lives until
/// the kernel has run and is as large as the kernel believes.
pub(super) unsafe fn launch<P: Copy>(
    stream: &CudaStream,
    function: &CudaFunction,
    parameters: &P,
    grid: Grid,
) -> Result<()> {
    // SAFETY: both are plain C structures for which zeros are valid.
    let mut attributes: [sys::CUlaunchAttribute; 2] = unsafe { zeroed() };
    attributes[0].id =
        sys::CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
    attributes[0].value.programmaticStreamSerializationAllowed = 1;
    attributes[1].id = sys::CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
    let (x, y, z) = (1, grid.cluster, 1);
    attributes[1].value.clusterDim = sys::CUlaunchAttributeValue_union__bindgen_ty_1 { x, y, z };
    #[expect(clippy::cast_possible_truncation, reason = "a grid has far fewer blocks")]
    let (x, y, z) = (grid.blocks.0 as u32, grid.blocks.1 as u32, grid.blocks.2 as u32);
    let config = sys::CUlaunchConfig {
        gridDimX: x,
        gridDimY: y,
        gridDimZ: z,
        blockDimX: grid.threads,
        blockDimY: 1,
        blockDimZ: 1,
        sharedMemBytes: grid.shared,
        hStream: stream.cu_stream(),
        attrs: attributes.as_mut_ptr(),
        numAttrs: 2,
    };
    let mut arguments = [std::ptr::from_ref(parameters).cast_mut().cast::<c_void>()];
    // SAFETY: the driver copies what it is pointed to before it returns; the rest is the caller's.
    unsafe {
        sys::cuLaunchKernelEx(
            &raw const config,
            function.cu_function(),
            arguments.as_mut_ptr(),
            std::ptr::null_mut(),
        )
    }
    .result()
    .map_err(Error::wrap)
}

/// Loads a module and returns what finds its kernels.
pub(super) fn load(
    context: &Arc<CudaContext>,
    code: &[u8],
) -> Result<impl Fn(&str) -> Result<CudaFunction> + use<>> {
    let module = context.load_module(Ptx::from_binary(code.to_vec())).map_err(Error::wrap)?;
    Ok(move |name: &str| find(&module, name))
}

/// A kernel, ready to be launched: the driver may not load one while a graph is recorded.
fn find(module: &Arc<CudaModule>, name: &str) -> Result<CudaFunction> {
    let function = module.load_function(name).map_err(Error::wrap)?;
    // SAFETY: the handle is of a module that lives in `function`.
    unsafe { sys::cuFuncLoad(function.cu_function()) }.result().map_err(Error::wrap)?;
    Ok(function)
}
