//! What the module exports. With `host`, the only place with pointers.
//!
//! `room(len)` gives memory for a request, `call(len)` answers it and gives the length of the answer, which lies at
//! `answer()`. A host that calls them in this order from one thread keeps every pointer valid.
#![expect(
    unsafe_code,
    reason = "a module's memory is the host's, and functions are found by their names"
)]

use std::cell::RefCell;

use crate::page::Page;

#[derive(Default)]
struct Desk {
    page: Page,
    request: Vec<u8>,
    answer: Vec<u8>,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::default();
}

/// Room for a request of `len` bytes.
#[unsafe(no_mangle)]
pub extern "C" fn room(len: u32) -> *mut u8 {
    DESK.with_borrow_mut(|desk| {
        desk.request.clear();
        desk.request.resize(len as usize, 0);
        desk.request.as_mut_ptr()
    })
}

/// Answers the request; how long the answer is.
#[unsafe(no_mangle)]
pub extern "C" fn call() -> u32 {
    DESK.with_borrow_mut(|desk| {
        desk.answer = desk.page.answer(&desk.request);
        desk.answer.len() as u32
    })
}

/// Where the answer lies.
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> *const u8 {
    DESK.with_borrow(|desk| desk.answer.as_ptr())
}
