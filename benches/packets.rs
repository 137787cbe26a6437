//! What every packet costs on its way to a stream: the walk through its layers, the lookup of its flow, reassembly.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use wireloupe::base::{Limits, LinkType, PacketNumber, Timestamp};
use wireloupe::flow::{Ages, Assembler, Incoming, Table, route};
use wireloupe::testkit::{ACK, PSH, PacketBuilder, Random, Segment as Sent, Wrap};
use wireloupe::wire::{FlowKey, Walker};

const PACKETS: usize = 1000;

fn main() {
    divan::main();
}

/// Segments of 150 bytes, each of another connection.
fn packets(wraps: Vec<Wrap>) -> Vec<Vec<u8>> {
    let builder = PacketBuilder {
        wraps,
        ..PacketBuilder::default()
    };
    (0..PACKETS)
        .map(|number| {
            builder.tcp(&Sent {
                time: Timestamp(0),
                source: ([10, 0, 0, 1], 20_000 + number as u16).into(),
                destination: ([10, 0, 0, 2], 80).into(),
                seq: 1,
                ack: 1,
                flags: ACK | PSH,
                window: 1000,
                ttl: 64,
                ip_id: 1,
                options: Vec::new(),
                payload: vec![b'a'; 150],
            })
        })
        .collect()
}

fn walk_all(bencher: Bencher, packets: &[Vec<u8>]) {
    let mut walker = Walker::new(&Limits::default());
    bencher.counter(ItemsCount::new(PACKETS)).bench_local(|| {
        for packet in packets {
            let len = packet.len() as u32;
            let _ = black_box(walker.segment(LinkType::ETHERNET, Timestamp(0), packet, len));
        }
    });
}

#[divan::bench]
fn walk_plain(bencher: Bencher) {
    walk_all(bencher, &packets(Vec::new()));
}

#[divan::bench]
fn walk_vlan(bencher: Bencher) {
    walk_all(bencher, &packets(vec![Wrap::Vlan(5)]));
}

#[divan::bench]
fn walk_vxlan(bencher: Bencher) {
    walk_all(bencher, &packets(vec![Wrap::Vxlan(5)]));
}

struct Flow(FlowKey);

impl Ages for Flow {
    fn key(&self) -> &FlowKey {
        &self.0
    }
    fn last_seen(&self) -> Timestamp {
        Timestamp(0)
    }
    fn idle_limit(&self, _: &Limits) -> i64 {
        i64::MAX
    }
}

/// Finding flows in random order among `count`.
#[divan::bench(args = [1000, 100_000])]
fn flow_lookup(bencher: Bencher, count: u32) {
    let limits = Limits::default();
    let keys: Vec<FlowKey> = (0..count).map(key).collect();
    let mut table = Table::default();
    for key in &keys {
        table.insert(*key, Flow(*key), &limits, &mut |_, _| {});
    }
    let mut random = Random::new(1);
    let asked: Vec<FlowKey> = (0..PACKETS)
        .map(|_| keys[random.below(u64::from(count)) as usize])
        .collect();
    bencher.counter(ItemsCount::new(PACKETS)).bench_local(|| {
        for key in &asked {
            black_box(table.find(key));
        }
    });
}

fn key(number: u32) -> FlowKey {
    let [a, b, c, d] = number.to_be_bytes();
    let endpoint = |address: [u8; 4], port| {
        wireloupe::wire::Endpoint::new(std::net::Ipv4Addr::from(address).into(), port)
    };
    let key = FlowKey {
        source: endpoint([10, b, c, d], 40_000 + u16::from(a)),
        destination: endpoint([10, 255, 0, 1], 80),
        scope: 0,
    };
    route(key).0
}

/// Pushing segments of 150 bytes in order, or in swapped pairs.
#[divan::bench(args = [false, true])]
fn reassembly(bencher: Bencher, swapped: bool) {
    let payload = [b'a'; 150];
    let mut order: Vec<u32> = (0..PACKETS as u32).collect();
    if swapped {
        order.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
    }
    bencher.counter(ItemsCount::new(PACKETS)).bench_local(|| {
        let mut assembler = Assembler::default();
        let mut delivered = 0;
        assembler.syn(u32::MAX, &mut |_| {});
        for place in &order {
            let segment = Incoming {
                seq: place * 150,
                payload: &payload,
                missing: 0,
                fin: false,
                packet: PacketNumber(1),
                packet_offset: Some(54),
                time: Timestamp(0),
            };
            assembler.push(segment, 1 << 20, &mut |delivery| {
                black_box(delivery);
                delivered += 1;
            });
        }
        assert_eq!(delivered, PACKETS);
    });
}
