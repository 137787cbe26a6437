//! libpcap, found when a capture starts instead of when the program is linked.
//!
//! The `pcap` crate imports some fifty C functions from `-lpcap`. Here each of them is defined as a forwarder that calls
//! the function of the same name in a library opened at run time, so that the program builds, starts and reads files on
//! machines without libpcap, and one binary serves distributions that disagree about the library's name
//! (`libpcap.so.1` or `libpcap.so.0.8`). With the feature `link-libpcap`, and on systems other than Linux, the library
//! is linked the ordinary way and there are no forwarders.
//!
//! This is no binding of its own: everything else goes through the `pcap` crate. It is the only module with `unsafe`.
//! Invariant: a forwarder never unwinds and, without a library, does nothing and returns what its C function returns
//! on failure. Callers ask [`available`] first; it also keeps the linker from dropping this module.

use std::{
    cell::RefCell,
    ffi::{CStr, c_char, c_int, c_void},
};

thread_local! {
    /// What the last `pcap_activate` of this thread said: a warning that did not stop it, or why it failed.
    static ACTIVATION: RefCell<Activation> = const { RefCell::new(Activation { status: 0, text: String::new() }) };
}

/// The outcome of the last activation of a device on this thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Activation {
    /// libpcap's status: 0, a warning above it, or an error below it.
    pub(super) status: c_int,
    /// libpcap's words for it; empty when there was nothing to say.
    pub(super) text: String,
}

/// `PCAP_ERROR_NO_SUCH_DEVICE`.
pub(super) const NO_SUCH_DEVICE: c_int = -5;
/// `PCAP_ERROR_RFMON_NOTSUP`.
pub(super) const NO_MONITOR_MODE: c_int = -6;
/// `PCAP_ERROR_PERM_DENIED`.
pub(super) const PERMISSION_DENIED: c_int = -8;
/// `PCAP_ERROR_IFACE_NOT_UP`.
pub(super) const INTERFACE_NOT_UP: c_int = -9;
/// `PCAP_ERROR_PROMISC_PERM_DENIED`.
pub(super) const PROMISCUOUS_DENIED: c_int = -11;

/// What the last `pcap_activate` of this thread said.
pub(super) fn last_activation() -> Activation {
    ACTIVATION.with_borrow(Clone::clone)
}

/// libpcap's own name and version, or why there is none.
pub(super) fn available() -> Result<String, String> {
    // The address keeps the forwarders in the program: archives are searched once, and the `pcap` crate comes last.
    std::hint::black_box(pcap_create as *const ());
    let version = backend::version()?;
    if version.is_null() {
        return Ok("libpcap".into());
    }
    // SAFETY: pcap_lib_version returns a static, NUL-terminated string.
    Ok(unsafe { CStr::from_ptr(version) }
        .to_string_lossy()
        .into_owned())
}

/// Whether an open handle stamps in nanoseconds: the request for them is only a request, and the `pcap` crate does not
/// tell whether it was met.
pub(super) fn stamps_nanoseconds(handle: *mut c_void) -> bool {
    const PCAP_TSTAMP_PRECISION_NANO: c_int = 1;
    backend::precision(handle) == PCAP_TSTAMP_PRECISION_NANO
}

#[cfg(not(libpcap_at_run_time))]
use linked as backend;
#[cfg(not(libpcap_at_run_time))]
use linked::pcap_create;
#[cfg(libpcap_at_run_time)]
use run_time as backend;
#[cfg(libpcap_at_run_time)]
use run_time::pcap_create;

/// libpcap as the linker found it.
#[cfg(not(libpcap_at_run_time))]
mod linked {
    use super::{c_char, c_int, c_void};

    unsafe extern "C" {
        pub(super) fn pcap_create(device: *const c_char, error: *mut c_char) -> *mut c_void;
        fn pcap_lib_version() -> *const c_char;
        fn pcap_get_tstamp_precision(handle: *mut c_void) -> c_int;
    }

    pub(super) fn version() -> Result<*const c_char, String> {
        // SAFETY: takes nothing and returns a static string.
        Ok(unsafe { pcap_lib_version() })
    }

    pub(super) fn precision(handle: *mut c_void) -> c_int {
        // SAFETY: the caller passes the pointer of a live `pcap::Capture`.
        unsafe { pcap_get_tstamp_precision(handle) }
    }
}

/// libpcap opened by name, and the forwarders to it.
#[cfg(libpcap_at_run_time)]
mod run_time {
    use std::{
        ffi::{c_uchar, c_uint},
        ptr::{null, null_mut},
        sync::OnceLock,
    };

    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

    use super::{ACTIVATION, Activation, CStr, c_char, c_int, c_void};

    /// Bytes in a libpcap error buffer (`PCAP_ERRBUF_SIZE`).
    const ERROR_BUFFER_LEN: usize = 256;
    /// The names libpcap goes by: upstream, Fedora and Arch; Debian and Ubuntu; with development files.
    const NAMES: [&str; 3] = ["libpcap.so.1", "libpcap.so.0.8", "libpcap.so"];

    /// Pointers of the C side, which pass through unread.
    type Any = *mut c_void;
    type Text = *const c_char;
    type ErrorBuffer = *mut c_char;
    type Bytes = *const c_uchar;

    static LIBRARY: OnceLock<Result<Functions, String>> = OnceLock::new();

    fn library() -> Result<&'static Functions, &'static str> {
        LIBRARY.get_or_init(load).as_ref().map_err(String::as_str)
    }

    fn load() -> Result<Functions, String> {
        if let Some(path) = std::env::var_os("LIBPCAP_PATH").filter(|path| !path.is_empty()) {
            return open(path.as_ref()).map_err(|reason| {
                format!(
                    "LIBPCAP_PATH names {}, which cannot be loaded as libpcap: {reason}",
                    path.display()
                )
            });
        }
        let mut reasons = String::new();
        for name in NAMES {
            match open(name.as_ref()) {
                Ok(functions) => return Ok(functions),
                Err(reason) => reasons = reason,
            }
        }
        Err(format!(
            "{} were tried; the last said: {reasons}",
            NAMES.join(", ")
        ))
    }

    fn open(name: &std::ffi::OsStr) -> Result<Functions, String> {
        // SAFETY: libpcap has no initialiser that breaks anything, and its functions have the types of `pcap.h`.
        let library = unsafe { Library::open(Some(name), RTLD_NOW | RTLD_LOCAL) }
            .map_err(|error| reason(&error))?;
        let functions = Functions::of(&library);
        if functions.pcap_create.is_none() || functions.pcap_activate.is_none() {
            return Err("it has no pcap_create".into());
        }
        // Stays loaded for the life of the program: the pointers above point into it.
        std::mem::forget(library);
        Ok(functions)
    }

    /// The loader's own words, without the wrapping of the crate's error.
    fn reason(error: &libloading::Error) -> String {
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
    }

    pub(super) fn version() -> Result<Text, String> {
        let functions = library().map_err(str::to_owned)?;
        Ok(functions.pcap_lib_version.map_or(null(), |function| {
            // SAFETY: takes nothing and returns a static string.
            unsafe { function() }
        }))
    }

    pub(super) fn precision(handle: Any) -> c_int {
        let function = library()
            .ok()
            .and_then(|functions| functions.pcap_get_tstamp_precision);
        // SAFETY: the caller passes the pointer of a live `pcap::Capture`.
        function.map_or(0, |function| unsafe { function(handle) })
    }

    /// Writes `text` into a buffer of libpcap's size, cut to fit.
    ///
    /// # Safety
    /// `buffer` is null or has [`ERROR_BUFFER_LEN`] bytes.
    unsafe fn report(buffer: ErrorBuffer, text: &str) {
        if buffer.is_null() {
            return;
        }
        let len = text.len().min(ERROR_BUFFER_LEN - 1);
        // SAFETY: at most 255 bytes and the NUL go into 256.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr().cast(), buffer, len);
            *buffer.add(len) = 0;
        }
    }

    /// Declares the table of functions, and defines a forwarder for each but those marked `own`.
    macro_rules! functions {
        (
            own { $(fn $own:ident($($own_type:ty),*) -> $own_return:ty;)* }
            forward { $(fn $name:ident($($argument:ident: $type:ty),*) -> $return:ty = $missing:expr;)* }
        ) => {
            struct Functions {
                $($own: Option<unsafe extern "C" fn($($own_type),*) -> $own_return>,)*
                $($name: Option<unsafe extern "C" fn($($type),*) -> $return>,)*
            }

            impl Functions {
                fn of(library: &Library) -> Self {
                    Self {
                        // SAFETY: the types are those of `pcap.h`, which has never changed them.
                        $($own: unsafe { library.get(stringify!($own)) }.ok().map(|symbol| *symbol),)*
                        // SAFETY: as above.
                        $($name: unsafe { library.get(stringify!($name)) }.ok().map(|symbol| *symbol),)*
                    }
                }
            }

            $(
                #[unsafe(no_mangle)]
                unsafe extern "C" fn $name($($argument: $type),*) -> $return {
                    match library().ok().and_then(|functions| functions.$name) {
                        // SAFETY: the arguments come from a caller who keeps the contract of this C function.
                        Some(function) => unsafe { function($($argument),*) },
                        None => $missing,
                    }
                }
            )*
        };
    }

    functions! {
        own {
            fn pcap_create(Text, ErrorBuffer) -> Any;
            fn pcap_findalldevs(*mut Any, ErrorBuffer) -> c_int;
            fn pcap_activate(Any) -> c_int;
            fn pcap_geterr(Any) -> Text;
            fn pcap_statustostr(c_int) -> Text;
            fn pcap_lib_version() -> Text;
            fn pcap_get_tstamp_precision(Any) -> c_int;
        }
        forward {
            fn pcap_breakloop(handle: Any) -> () = ();
            fn pcap_close(handle: Any) -> () = ();
            fn pcap_compile(handle: Any, program: Any, text: Text, optimize: c_int, netmask: c_uint) -> c_int = -1;
            fn pcap_datalink(handle: Any) -> c_int = -1;
            fn pcap_datalink_name_to_val(name: Text) -> c_int = -1;
            fn pcap_datalink_val_to_description(link: c_int) -> Text = null();
            fn pcap_datalink_val_to_name(link: c_int) -> Text = null();
            fn pcap_dispatch(handle: Any, count: c_int, handler: Any, user: Any) -> c_int = -1;
            fn pcap_dump(user: Any, header: Any, data: Bytes) -> () = ();
            fn pcap_dump_close(dumper: Any) -> () = ();
            fn pcap_dump_flush(dumper: Any) -> c_int = -1;
            fn pcap_dump_fopen(handle: Any, file: Any) -> Any = null_mut();
            fn pcap_dump_open(handle: Any, path: Text) -> Any = null_mut();
            fn pcap_dump_open_append(handle: Any, path: Text) -> Any = null_mut();
            fn pcap_fileno(handle: Any) -> c_int = -1;
            fn pcap_fopen_offline(file: Any, error: ErrorBuffer) -> Any = null_mut();
            fn pcap_fopen_offline_with_tstamp_precision(file: Any, precision: c_uint, error: ErrorBuffer) -> Any
                = null_mut();
            fn pcap_free_datalinks(links: Any) -> () = ();
            fn pcap_freealldevs(devices: Any) -> () = ();
            fn pcap_freecode(program: Any) -> () = ();
            fn pcap_get_selectable_fd(handle: Any) -> c_int = -1;
            fn pcap_list_datalinks(handle: Any, links: Any) -> c_int = -1;
            fn pcap_loop(handle: Any, count: c_int, handler: Any, user: Any) -> c_int = -1;
            fn pcap_major_version(handle: Any) -> c_int = 0;
            fn pcap_minor_version(handle: Any) -> c_int = 0;
            fn pcap_next_ex(handle: Any, header: Any, data: Any) -> c_int = -1;
            fn pcap_offline_filter(program: Any, header: Any, data: Bytes) -> c_int = 0;
            fn pcap_open_dead(link: c_int, snaplen: c_int) -> Any = null_mut();
            fn pcap_open_dead_with_tstamp_precision(link: c_int, snaplen: c_int, precision: c_uint) -> Any
                = null_mut();
            fn pcap_open_offline(path: Text, error: ErrorBuffer) -> Any = null_mut();
            fn pcap_open_offline_with_tstamp_precision(path: Text, precision: c_uint, error: ErrorBuffer) -> Any
                = null_mut();
            fn pcap_sendpacket(handle: Any, data: Bytes, len: c_int) -> c_int = -1;
            fn pcap_set_buffer_size(handle: Any, bytes: c_int) -> c_int = -1;
            fn pcap_set_datalink(handle: Any, link: c_int) -> c_int = -1;
            fn pcap_set_immediate_mode(handle: Any, on: c_int) -> c_int = -1;
            fn pcap_set_promisc(handle: Any, on: c_int) -> c_int = -1;
            fn pcap_set_rfmon(handle: Any, on: c_int) -> c_int = -1;
            fn pcap_set_snaplen(handle: Any, bytes: c_int) -> c_int = -1;
            fn pcap_set_timeout(handle: Any, milliseconds: c_int) -> c_int = -1;
            fn pcap_set_tstamp_precision(handle: Any, precision: c_int) -> c_int = -1;
            fn pcap_set_tstamp_type(handle: Any, kind: c_int) -> c_int = -1;
            fn pcap_setdirection(handle: Any, direction: c_uint) -> c_int = -1;
            fn pcap_setfilter(handle: Any, program: Any) -> c_int = -1;
            fn pcap_setnonblock(handle: Any, on: c_int, error: ErrorBuffer) -> c_int = -1;
            fn pcap_stats(handle: Any, stats: Any) -> c_int = -1;
        }
    }

    #[unsafe(no_mangle)]
    pub(super) unsafe extern "C" fn pcap_create(device: Text, error: ErrorBuffer) -> Any {
        match library().map(|functions| functions.pcap_create) {
            // SAFETY: the arguments come from a caller who keeps the contract of this C function.
            Ok(Some(function)) => unsafe { function(device, error) },
            // SAFETY: `error` is the buffer that pcap_create asks for.
            Ok(None) => unsafe {
                report(error, "pcap_create is missing");
                null_mut()
            },
            // SAFETY: as above.
            Err(reason) => unsafe {
                report(error, reason);
                null_mut()
            },
        }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn pcap_findalldevs(devices: *mut Any, error: ErrorBuffer) -> c_int {
        match library().map(|functions| functions.pcap_findalldevs) {
            // SAFETY: the arguments come from a caller who keeps the contract of this C function.
            Ok(Some(function)) => unsafe { function(devices, error) },
            // SAFETY: `error` is the buffer that pcap_findalldevs asks for.
            Ok(None) => unsafe {
                report(error, "pcap_findalldevs is missing");
                -1
            },
            // SAFETY: as above.
            Err(reason) => unsafe {
                report(error, reason);
                -1
            },
        }
    }

    /// Activates a device and remembers what was said about it.
    ///
    /// libpcap answers with a positive status for "it works, but": no promiscuous mode here, say. The `pcap` crate takes
    /// every status but 0 for a failure, so a warning is turned into 0 and kept for [`super::last_activation`].
    #[unsafe(no_mangle)]
    unsafe extern "C" fn pcap_activate(handle: Any) -> c_int {
        let Some(function) = library().ok().and_then(|functions| functions.pcap_activate) else {
            return -1;
        };
        // SAFETY: the handle comes from a caller who keeps the contract of this C function.
        let status = unsafe { function(handle) };
        let text = if status == 0 {
            String::new()
        } else {
            status_text(handle, status)
        };
        // Gone only while the thread ends, when nobody asks any more.
        let _ = ACTIVATION.try_with(|last| last.replace(Activation { status, text }));
        status.min(0)
    }

    /// libpcap's text for a handle, or where it left none its text for the status alone.
    fn status_text(handle: Any, status: c_int) -> String {
        let Ok(functions) = library() else {
            return String::new();
        };
        // SAFETY: the handle is live, and both functions return NUL-terminated strings that outlive this call.
        let read = |text: Text| match text.is_null() {
            true => String::new(),
            false => unsafe { CStr::from_ptr(text) }
                .to_string_lossy()
                .into_owned(),
        };
        // SAFETY: as above.
        let of_handle = functions
            .pcap_geterr
            .map_or(null(), |function| unsafe { function(handle) });
        let of_handle = read(of_handle);
        if !of_handle.is_empty() {
            return of_handle;
        }
        // SAFETY: as above.
        read(
            functions
                .pcap_statustostr
                .map_or(null(), |function| unsafe { function(status) }),
        )
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn pcap_geterr(handle: Any) -> Text {
        const MISSING: &CStr = c"libpcap is not loaded";
        match library().ok().and_then(|functions| functions.pcap_geterr) {
            // SAFETY: the handle comes from a caller who keeps the contract of this C function.
            Some(function) => unsafe { function(handle) },
            None => MISSING.as_ptr(),
        }
    }
}
