//! A sink that somebody else holds too. An engine is made anew for each type of sink; behind this one all jobs of the page
//! share one engine, which is a good part of the module's size.

use std::cell::RefCell;
use std::rc::Rc;

use wireloupe::base::{Extent, Needs, PacketNumber};
use wireloupe::engine::{
    Connection, Exchange, FindingEvent, FlowSummary, FrameEvent, MessageEvent, Moment, Plaintext,
    Sink, StreamData, TlsFlow,
};
use wireloupe::flow::End;
use wireloupe::run::Collected;

/// A sink by what it does. Whoever made it holds its typed end, and takes what was gathered there between two steps.
#[derive(Clone)]
pub(crate) struct Shared(Rc<RefCell<dyn Sink>>);

impl Shared {
    pub(crate) fn new<S: Sink + 'static>(sink: S) -> (Self, Rc<RefCell<S>>) {
        let sink = Rc::new(RefCell::new(sink));
        (Self(Rc::clone(&sink) as Rc<RefCell<dyn Sink>>), sink)
    }
}

impl Collected for Shared {
    type Part = ();

    fn exchange(&mut self, (): &mut ()) {}
}

macro_rules! forwarded {
    ($($name:ident($($argument:ident: $type:ty),*);)+) => {
        impl Sink for Shared {
            fn needs(&self) -> Needs {
                self.0.borrow().needs()
            }
            $(fn $name(&mut self, $($argument: $type),*) {
                self.0.borrow_mut().$name($($argument),*);
            })+
        }
    };
}

forwarded! {
    opened(connection: &Connection);
    handshake(connection: &Connection, at: Moment);
    frame(event: &FrameEvent<'_>, connection: &Connection);
    message(event: &MessageEvent<'_>, connection: &Connection);
    finding(event: &FindingEvent<'_>, connection: Option<&Connection>);
    settled(connection: &Connection);
    closed(connection: &Connection, at: Moment);
    packet(flow: u64, packet: PacketNumber);
    extent(flow: u64, end: End, extent: Extent, bytes: &[u8]);
    plaintext(flow: u64, end: End, plaintext: Plaintext<'_>);
    stream_data(flow: u64, end: End, data: StreamData);
    tls(flow: &TlsFlow<'_>, at: Moment);
    exchanged(exchange: &Exchange, at: Moment);
    flow_ended(flow: u64);
    flow_closed(flow: FlowSummary);
}
