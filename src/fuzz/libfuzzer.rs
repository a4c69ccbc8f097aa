//! Hands one target to libFuzzer, which is led by the coverage that `.ci/fuzz` has compiled in.

#![allow(unsafe_code)]

use std::{
    ffi::{CString, c_char, c_int},
    ptr,
    sync::OnceLock,
};

use super::{TARGETS, Target};

unsafe extern "C" {
    /// libFuzzer's own `main`.
    fn LLVMFuzzerRunDriver(
        argc: *mut c_int,
        argv: *mut *mut *mut c_char,
        take: extern "C" fn(*const u8, usize) -> c_int,
    ) -> c_int;
}

/// libFuzzer's way to hand over an input.
extern "C" fn take(input: *const u8, length: usize) -> c_int {
    // SAFETY: the input is as long as libFuzzer says.
    unsafe { libfuzzer_sys::test_input_wrap(input, length) }
}

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some(target) = CHOSEN.get() {
        (target.take)(input);
    }
});

/// Tries the target that `FUZZ_TARGET` names, with libFuzzer's arguments from `FUZZ_ARGUMENTS`, one a line.
#[test]
#[ignore = "goes on for as long as it is told: make fuzz"]
fn run() {
    let name = std::env::var("FUZZ_TARGET").unwrap();
    let target = TARGETS.iter().find(|target| target.name == name);
    CHOSEN.get_or_init(|| target.unwrap_or_else(|| panic!("no target is named {name}")));
    let arguments = std::env::var("FUZZ_ARGUMENTS").unwrap();
    let arguments: Vec<_> = ["fuzz"].into_iter().chain(arguments.lines()).map(|it| CString::new(it).unwrap()).collect();
    let mut pointers: Vec<_> = arguments.iter().map(|it| it.as_ptr().cast_mut()).chain([ptr::null_mut()]).collect();
    let (mut argc, mut argv) = (arguments.len() as c_int, pointers.as_mut_ptr());
    libfuzzer_sys::initialize(ptr::null(), ptr::null());
    // SAFETY: argc and argv are as `main` gets them, and outlive the call.
    let code = unsafe { LLVMFuzzerRunDriver(&raw mut argc, &raw mut argv, take) };
    assert_eq!(code, 0);
}

/// Names the targets, one a line.
#[test]
#[ignore = "for make fuzz"]
fn list() {
    TARGETS.iter().for_each(|target| println!("target {}", target.name));
}
