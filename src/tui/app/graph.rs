//! The verbs of the graph.

use crate::tui::keymap::Action;
use crate::tui::layout::Pane;
use crate::tui::panel;
use crate::tui::views::{GraphView, View};
use crate::view::graph::{Chart, Graph, Of};
use crate::view::rows::RowId;

use super::App;

impl App {
    /// Opens the graph of the connection.
    pub(super) fn open_graph(&mut self) {
        if matches!(self.view, Some(View::Graph(_))) {
            self.view = None;
            return;
        }
        if self.store.connections().is_empty() {
            self.notice = "no connection yet".to_owned();
            return;
        }
        let connection = self.connection();
        let columns = panel::graph::columns(self.areas().body);
        let graph = Graph::new(&self.store, Of::One(connection), columns);
        let time = self.selected_time();
        let at = time.and_then(|time| graph.window().bucket(time));
        self.view = Some(View::Graph(Box::new(GraphView {
            connection,
            chart: Chart::default(),
            at: at.unwrap_or(0),
            graph,
        })));
    }

    /// The connections that are listed: all, or those that the filter of their pane lets through.
    fn listed_connections(&self) -> Of {
        let list = &self.connections;
        if list.filter().is_none() {
            return Of::All;
        }
        let places = 0..list.len(&self.store);
        let listed = places.filter_map(|at| list.unsorted(&self.store, at));
        Of::Some(listed.collect())
    }

    pub(super) fn update_graph(&mut self, action: Action) {
        let Some(View::Graph(mut view)) = self.view.take() else {
            return;
        };
        let store = &self.store;
        let count = view.graph.window().count;
        let columns = i64::try_from(count).unwrap_or(i64::MAX);
        let last = count.saturating_sub(1);
        match action {
            Action::NextChart => view.chart = view.chart.next(),
            Action::Grow => view.at = view.graph.zoom(store, view.at, true),
            Action::Shrink => view.at = view.graph.zoom(store, view.at, false),
            Action::Left => view.step(store, -1),
            Action::Right => view.step(store, 1),
            Action::PageUp => view.step(store, -(columns / 4).max(1)),
            Action::PageDown => view.step(store, (columns / 4).max(1)),
            Action::Home => view.step(store, i64::MIN / 4),
            Action::End => view.step(store, i64::MAX / 4),
            Action::All => {
                let of = match view.graph.of() {
                    Of::One(_) => self.listed_connections(),
                    Of::Some(_) | Of::All => Of::One(view.connection),
                };
                view.graph = Graph::new(store, of, last + 1);
                view.at = view.at.min(last);
            }
            Action::Enter => {
                self.view = Some(View::Graph(view));
                return self.go_to_bucket();
            }
            _ => {}
        }
        self.view = Some(View::Graph(view));
    }

    /// Goes to the first frame in the chosen column, or to what came back last of its longest round trip.
    pub(super) fn go_to_bucket(&mut self) {
        let Some(View::Graph(view)) = &self.view else {
            return;
        };
        let row = match view.chart {
            Chart::Trips => {
                let trip = view.graph.longest_trip(view.at);
                let message = trip.and_then(|trip| trip.message);
                message.map(RowId::Message)
            }
            Chart::Bytes | Chart::Frames => {
                let bucket = view.graph.buckets().get(view.at);
                bucket.and_then(|bucket| bucket.first).map(RowId::Frame)
            }
        };
        let Some(row) = row else {
            self.notice = match view.chart {
                Chart::Trips => "no message came back in this column",
                Chart::Bytes | Chart::Frames => "no frame in this column",
            }
            .to_owned();
            return;
        };
        self.leave();
        self.view = None;
        self.go_to(row);
        self.focus = Pane::List;
    }

    /// Whether the graph has something left to gather.
    pub(super) fn is_gathering(&self) -> bool {
        matches!(&self.view, Some(View::Graph(view)) if view.graph.is_gathering())
    }

    /// Gathers on.
    pub(super) fn gather(&mut self, count: usize) {
        if let Some(View::Graph(view)) = &mut self.view {
            view.graph.gather(&self.store, count);
        }
    }

    /// The graph with what came since.
    pub(super) fn refresh_graph(&mut self) {
        let columns = panel::graph::columns(self.areas().body);
        // What is gathered yet would be gathered again.
        if let Some(View::Graph(view)) = &mut self.view
            && !view.graph.is_gathering()
        {
            view.graph.refresh(&self.store, columns);
        }
    }
}
