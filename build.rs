//! Embeds the built page where that is asked for, and lets the program link without libpcap: the `pcap` crate asks the linker for `-lpcap`, and an empty archive of that
//! name answers. The functions themselves come from `src/capture/live/libpcap.rs`, which loads libpcap at run time.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    page();
    println!("cargo::rustc-check-cfg=cfg(libpcap_at_run_time)");
    let enabled = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    let linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    if !linux || !enabled("LIVE") || enabled("LINK_LIBPCAP") {
        return;
    }
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    let archive = Path::new(&out).join("libpcap.a");
    fs::write(&archive, b"!<arch>\n")
        .unwrap_or_else(|error| panic!("cannot write {}: {error}", archive.display()));
    println!(
        "cargo::rustc-link-search=native={}",
        Path::new(&out).display()
    );
    println!("cargo::rustc-cfg=libpcap_at_run_time");
}

/// With the feature `page`, and once `web/build` has made it, the page is part of the program.
fn page() {
    println!("cargo::rustc-check-cfg=cfg(page_built)");
    if env::var_os("CARGO_FEATURE_PAGE").is_none() {
        return;
    }
    let root = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let page = Path::new(&root).join("target/web/page.html");
    println!("cargo::rerun-if-changed={}", page.display());
    if page.exists() {
        println!("cargo::rustc-cfg=page_built");
        println!("cargo::rustc-env=WIRELOUPE_PAGE={}", page.display());
    }
}
