fn main() {
    for path in std::env::args().skip(1) {
        match keras_ir::read(&path, keras_ir::ReadOptions::default()) {
            Ok(graph) => {
                println!(
                    "== {path} ok: {} layers, notes {:#?}, optimizer {:?}",
                    graph.layers.len(),
                    graph.notes,
                    graph
                        .optimizer
                        .as_ref()
                        .map(|o| o.as_ref().map(|o| o.slots.len()))
                );
                if let Ok(Some(o)) = &graph.optimizer {
                    for slot in &o.slots {
                        let w = graph.layer(slot.weight.layer).weights[slot.weight.index]
                            .tensor
                            .read_f32()
                            .unwrap();
                        let s = slot.tensor.read_f32().unwrap();
                        let e: f32 = w
                            .iter()
                            .zip(&s)
                            .map(|(w, s)| {
                                if slot.name.as_str() == "velocity" {
                                    3.0 * w * w - s
                                } else {
                                    -2.0 * w - s
                                }
                                .abs()
                            })
                            .fold(0.0, f32::max);
                        if e > 1e-5 {
                            println!(
                                "   slot {} of {}: {e}",
                                slot.name.as_str(),
                                graph.layer(slot.weight.layer).path
                            );
                        }
                    }
                }
            }
            Err(report) => println!("== {path}\n{report}"),
        }
    }
}
