//! Compiles the CUDA kernels, if the build is for CUDA.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the kernels are.
const KERNELS: &str = "src/qwen3_tts/cuda/kernels";

/// One binary each.
const SOURCES: [&str; 4] = ["product", "attention", "choose", "wave"];

/// Machine code for the first GPUs the kernels are for, and what drivers translate for later ones.
const TARGETS: [&str; 2] =
    ["-gencode=arch=compute_90,code=sm_90", "-gencode=arch=compute_90,code=compute_90"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={KERNELS}");
    if std::env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return;
    }
    println!("cargo::rerun-if-env-changed=CUDA_HOME");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    for source in SOURCES {
        compile(&Path::new(KERNELS).join(source).with_extension("cu"), &out.join(source));
    }
}

/// Compiles one file to `out` with the ending `.fatbin`.
fn compile(source: &Path, out: &Path) {
    let nvcc = match std::env::var_os("CUDA_HOME") {
        Some(home) => Path::new(&home).join("bin/nvcc"),
        None => PathBuf::from("nvcc"),
    };
    let status = Command::new(&nvcc)
        .args(["-fatbin", "-O3", "-std=c++17"])
        .args(TARGETS)
        .arg("-o")
        .arg(out.with_extension("fatbin"))
        .arg(source)
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{} could not compile {}: {status}", nvcc.display(), source.display()),
        Err(error) => panic!(
            "{} cannot be run: {error}; install CUDA 12.3 or later and set CUDA_HOME",
            nvcc.display()
        ),
    }
}
