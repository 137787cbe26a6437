//! The detail tree: the fields of what someone looks at, folded and unfolded line by line.

use std::collections::HashSet;

use crate::base::{Field, PacketNumber};

/// The field that the tree of what a message carries has at its top.
const CARRIED: &str = "payload.protocol";
/// Lines that are unfolded without being asked for.
const SHORT: usize = 12;

/// A line of the tree that is visible now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The way to its field: indices of children.
    pub path: Vec<usize>,
    /// Whether it has children.
    pub has_children: bool,
    /// Whether they are shown.
    pub is_open: bool,
}

/// The tree with what is unfolded. What is unfolded is remembered by labels, so it stays so from row to row.
#[derive(Debug, Default)]
pub struct Tree {
    /// The fields.
    pub fields: Vec<Field>,
    /// Which packet the spans of a top field count in.
    pub packets: Vec<(usize, PacketNumber)>,
    /// The visible lines.
    pub nodes: Vec<Node>,
    open: HashSet<String>,
    closed: HashSet<String>,
}

impl Tree {
    /// Shows other fields.
    pub fn show(&mut self, fields: Vec<Field>, packets: Vec<(usize, PacketNumber)>) {
        self.fields = fields;
        self.packets = packets;
        self.flatten();
    }

    /// The field of a visible line.
    #[must_use]
    pub fn field(&self, line: usize) -> Option<&Field> {
        self.at(&self.nodes.get(line)?.path)
    }

    fn at(&self, path: &[usize]) -> Option<&Field> {
        let (first, rest) = path.split_first()?;
        let mut field = self.fields.get(*first)?;
        for index in rest {
            field = field.children.get(*index)?;
        }
        Some(field)
    }

    /// The packet that a line belongs to.
    #[must_use]
    pub fn packet(&self, line: usize) -> Option<PacketNumber> {
        let top = *self.nodes.get(line)?.path.first()?;
        self.packets
            .iter()
            .find(|(index, _)| *index == top)
            .map(|(_, packet)| *packet)
    }

    /// What a line is called, from row to row.
    #[must_use]
    pub fn line_name(&self, line: usize) -> Option<String> {
        Some(self.name(&self.nodes.get(line)?.path))
    }

    /// The line of this name; else what is wrong with the row, else the row itself.
    #[must_use]
    pub fn line_of(&self, name: Option<&str>) -> usize {
        let find = |fits: &dyn Fn(&str) -> bool| {
            self.nodes
                .iter()
                .position(|node| fits(&self.name(&node.path)))
        };
        name.and_then(|name| find(&|found| found == name))
            .or_else(|| find(&|found| found.starts_with("error") || found.starts_with("warning")))
            .or_else(|| find(&|found| found.starts_with("Frame") || found.starts_with("Message")))
            .or_else(|| find(&|found| found.ends_with("/TCP payload/")))
            .unwrap_or(0)
    }

    /// Folds or unfolds a line.
    pub fn set_open(&mut self, line: usize, open: bool) {
        let Some(node) = self.nodes.get(line) else {
            return;
        };
        let name = self.name(&node.path.clone());
        let (to, from) = if open {
            (&mut self.open, &mut self.closed)
        } else {
            (&mut self.closed, &mut self.open)
        };
        from.remove(&name);
        to.insert(name);
        self.flatten();
    }

    /// The line of a line's parent.
    #[must_use]
    pub fn parent(&self, line: usize) -> Option<usize> {
        let path = &self.nodes.get(line)?.path;
        let parent = &path[..path.len().checked_sub(1)?];
        self.nodes.iter().position(|node| node.path == parent)
    }

    /// Unfolds what is around a field and gives its line.
    pub fn reveal(&mut self, path: &[usize]) -> Option<usize> {
        for depth in 1..path.len() {
            let name = self.name(&path[..depth]);
            self.closed.remove(&name);
            self.open.insert(name);
        }
        self.flatten();
        self.nodes.iter().position(|node| node.path == path)
    }

    /// Every field with its way, the deepest last.
    pub fn each(&self, visit: &mut dyn FnMut(&[usize], &Field)) {
        fn walk(path: &mut Vec<usize>, fields: &[Field], visit: &mut dyn FnMut(&[usize], &Field)) {
            for (index, field) in fields.iter().enumerate() {
                path.push(index);
                visit(path, field);
                walk(path, &field.children, visit);
                path.pop();
            }
        }
        walk(&mut Vec::new(), &self.fields, visit);
    }

    /// The labels on the way; digits are left out, so that `Packet 3` and `Packet 9` are the same.
    fn name(&self, path: &[usize]) -> String {
        let mut name = String::new();
        for depth in 1..=path.len() {
            if let Some(field) = self.at(&path[..depth]) {
                name.extend(field.label.chars().filter(|c| !c.is_ascii_digit()));
                name.push('/');
            }
        }
        name
    }

    /// Whether a line is unfolded until somebody folds it: the row itself, and what a message carries as far as it is short.
    fn is_open_by_default(&self, path: &[usize], field: &Field) -> bool {
        let top = path.first().and_then(|top| self.fields.get(*top));
        let is_carried = top.is_some_and(|top| top.name == CARRIED);
        match path.len() {
            1 => !field.label.starts_with("Packet"),
            ..=4 if is_carried => field.children.len() <= SHORT,
            _ => field.name == "tcp.payload",
        }
    }

    fn flatten(&mut self) {
        let mut nodes = Vec::new();
        self.add(&mut Vec::new(), &self.fields, &mut nodes);
        self.nodes = nodes;
    }

    fn add(&self, path: &mut Vec<usize>, fields: &[Field], nodes: &mut Vec<Node>) {
        for (index, field) in fields.iter().enumerate() {
            path.push(index);
            let name = self.name(path);
            let is_open = self.open.contains(&name)
                || (self.is_open_by_default(path, field) && !self.closed.contains(&name));
            nodes.push(Node {
                path: path.clone(),
                has_children: !field.children.is_empty(),
                is_open,
            });
            if is_open {
                self.add(path, &field.children, nodes);
            }
            path.pop();
        }
    }
}
