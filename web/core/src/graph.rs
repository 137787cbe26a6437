//! The graph: what connections did over time, in as many columns as the page draws.

use serde_json::{Value, json};

use wireloupe::base::Side;
use wireloupe::store::Store;
use wireloupe::view::graph::{Chart, Graph, Of};
use wireloupe::view::rows::RowId;

use crate::request::Request;
use crate::rows::RowName;

/// Columns drawn at most.
const MOST: u64 = 2_000;
/// Frames or messages looked at before the page is told how far it is.
const GATHERED: usize = 100_000;

/// The graph that is drawn, if one is.
#[derive(Default)]
pub(crate) struct Graphed(Option<Graph>);

impl Graphed {
    /// Moves in the graph, or makes it anew where it is of something else; gathers some more, and says what there is.
    pub(crate) fn answer(&mut self, store: &Store, request: &Request<'_>) -> Value {
        let of = request.index("connection").map_or(Of::All, Of::One);
        let columns = request.number("columns").unwrap_or(1).clamp(1, MOST) as usize;
        let mut at = request.number("at").unwrap_or(0) as usize;
        let kept = self.0.take().filter(|graph| *graph.of() == of);
        let mut graph = kept.unwrap_or_else(|| Graph::new(store, of, columns));
        match request.text("move") {
            "in" => at = graph.zoom(store, at.min(columns - 1), true),
            "out" => at = graph.zoom(store, at.min(columns - 1), false),
            "earlier" => graph.scroll(store, -quarter(columns)),
            "later" => graph.scroll(store, quarter(columns)),
            "all" => graph.show_all(store, columns),
            "fresh" => graph.refresh(store, columns),
            _ => {}
        }
        graph.gather(store, GATHERED);
        let told = told(store, &graph, at);
        self.0 = Some(graph);
        told
    }
}

fn quarter(columns: usize) -> i64 {
    (columns as i64 / 4).max(1)
}

fn told(store: &Store, graph: &Graph, at: usize) -> Value {
    let window = graph.window();
    let seconds = |at: usize| window.begin(at).seconds_since(store.start());
    let column = |at: usize| {
        let side = |side| [Chart::Bytes, Chart::Frames].map(|chart| graph.rate(chart, at, side));
        let [client, server] = [side(Side::Client), side(Side::Server)];
        let trip = graph.longest_trip(at);
        let first = graph.buckets().get(at).and_then(|bucket| bucket.first);
        let answer = trip.and_then(|trip| trip.message);
        let id = |row| RowName::Row(row).id();
        json!({
            "client": client,
            "server": server,
            "trip": trip.map(|trip| json!({"took": trip.took as f64 / 1e9, "kind": trip.kind.name()})),
            "row": first.map(RowId::Frame).map(id),
            "answer": answer.map(RowId::Message).map(id),
        })
    };
    json!({
        "at": at,
        "from": seconds(0),
        "to": seconds(window.count),
        "width": window.width_text(),
        "columns": (0..window.count).map(column).collect::<Vec<_>>(),
        "percent": graph.is_gathering().then(|| graph.percent()),
        "without_calls": graph.is_without_calls(),
    })
}
