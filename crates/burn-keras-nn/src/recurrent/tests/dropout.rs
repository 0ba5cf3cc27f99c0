//! Dropout. Where the masks are known, they are `wave((2, 2), 1. + gate)` of the inputs and
//! `wave((2, 3), 5. + gate)` of the states, put into `_dropout_mask` and `_recurrent_dropout_mask`
//! of Keras's cell, which was then called with `training=True, use_cudnn=False`, the mask and the
//! initial states. Keras 2's numbers are its formula in NumPy.

use burn::module::{Module, Param};

use super::super::dropout::Masks;
use super::*;
use crate::Activation;
use crate::testing::devices;

const PER_GATE: DropoutMasks = DropoutMasks::PerGate;
const SHARED: DropoutMasks = DropoutMasks::Shared;
const WITH_STATE: DropoutMasks = DropoutMasks::SharedWithState;

/// Scales weights that are waves, so that linear layers stay small.
fn weights<const D: usize>(
    shape: [usize; D],
    seed: f64,
    scale: f32,
    d: &Device,
) -> Param<Tensor<D>> {
    Param::from_tensor(wave(shape, seed, d).mul_scalar(scale))
}

fn lstm(config: LstmConfig, scale: f32, device: &Device) -> Lstm {
    Lstm {
        kernel: weights([2, 12], 0.1, scale, device),
        recurrent_kernel: weights([3, 12], 0.2, scale, device),
        bias: Some(weights([12], 0.3, scale, device)),
        ..config.init(device)
    }
}

fn gru(config: GruConfig, scale: f32, device: &Device) -> Gru {
    let rows = if config.reset_after { 2 } else { 1 };
    Gru {
        kernel: weights([2, 9], 0.1, scale, device),
        recurrent_kernel: weights([3, 9], 0.2, scale, device),
        bias: Some(weights([rows, 9], 0.3, scale, device)),
        ..config.init(device)
    }
}

/// An identity, so that a step gives its masked input plus the state before.
fn counter(config: SimpleRnnConfig, device: &Device) -> SimpleRnn {
    let eye = || Param::from_tensor(Tensor::eye(config.units, device));
    SimpleRnn {
        kernel: eye(),
        recurrent_kernel: eye(),
        ..config
            .clone()
            .with_bias(false)
            .with_activation(Activation::Linear)
            .init(device)
    }
}

fn masks(inputs: usize, states: usize, device: &Device) -> Masks {
    let waves = |count: usize, width: usize, seed: f64| {
        let seeds = (0..count).map(|gate| seed + gate as f64);
        seeds.map(|seed| wave([2, width], seed, device)).collect()
    };
    Masks {
        inputs: waves(inputs, 2, 1.0),
        states: waves(states, 3, 5.0),
    }
}

#[test]
fn masks_of_an_lstm_lie_where_keras_has_them() {
    for device in devices() {
        let cases: [(_, _, &[f32]); 2] = [
            (
                PER_GATE,
                masks(4, 4, &device),
                &[
                    0.2749713, 0.2563202, 0.2300918, 0.2509873, 0.3019243, 0.2718670, 0.2509873,
                    0.3019243, 0.2718670, 0.2976734, 0.2133290, 0.0822427, 0.0, 0.0, 0.0,
                    0.1432874, 0.0739161, 0.0197719, 0.2007543, 0.1134256, -0.0100053, 0.2007543,
                    0.1134256, -0.0100053,
                ],
            ),
            (
                SHARED,
                masks(1, 0, &device),
                &[
                    0.3056241, 0.2158411, 0.1121005, 0.1928793, 0.1156612, 0.0668112, 0.1928793,
                    0.1156612, 0.0668112, 0.1866195, 0.1710134, 0.1046835, 0.0, 0.0, 0.0,
                    0.2487177, 0.1526828, 0.0143998, 0.1595005, 0.0419652, -0.0998313, 0.1595005,
                    0.0419652, -0.0998313,
                ],
            ),
        ];
        for (kind, masks, expected) in cases {
            let lstm = lstm(LstmConfig::new(2, 3).with_dropout_masks(kind), 1.0, &device);
            let states = Some([wave([2, 3], 0.6, &device), wave([2, 3], 0.7, &device)]);
            let y = lstm.run(x(&device), mask(&device), states, masks);
            close(&values(y.sequence), expected, 1e-6);
        }
    }
}

#[test]
fn masks_of_a_gru_lie_where_keras_has_them() {
    for device in devices() {
        let cases: [(_, _, _, &[f32]); 5] = [
            (
                PER_GATE,
                true,
                masks(3, 3, &device),
                &[
                    0.3239224, 0.1698023, 0.0889105, 0.4628703, 0.2074443, -0.0545155, 0.4628703,
                    0.2074443, -0.0545155, 0.5284530, 0.3333071, 0.0716433, 0.0, 0.0, 0.0,
                    0.8829333, 0.7411705, 0.4659394, 0.8044530, 0.6356326, 0.3004925, 0.8044530,
                    0.6356326, 0.3004925,
                ],
            ),
            (
                PER_GATE,
                false,
                masks(3, 3, &device),
                &[
                    0.2762659, 0.2206119, 0.2713645, 0.2567580, -0.0587321, -0.1203925, 0.2567580,
                    -0.0587321, -0.1203925, 0.3145651, -0.0506322, -0.2067495, 0.0, 0.0, 0.0,
                    0.8968211, 0.6706271, 0.2647006, 0.8156798, 0.5065324, 0.0158374, 0.8156798,
                    0.5065324, 0.0158374,
                ],
            ),
            (
                SHARED,
                true,
                masks(1, 0, &device),
                &[
                    0.5375161, 0.6016133, 0.6028924, 0.6921364, 0.6490094, 0.5396064, 0.6921364,
                    0.6490094, 0.5396064, 0.6081140, 0.4485925, 0.2617513, 0.0, 0.0, 0.0,
                    0.4916611, 0.3267063, 0.0930069, 0.3133444, 0.2070733, 0.0580848, 0.3133444,
                    0.2070733, 0.0580848,
                ],
            ),
            (
                WITH_STATE,
                true,
                masks(1, 1, &device),
                &[
                    0.3102130, 0.2478854, 0.2194369, 0.4974958, 0.4608657, 0.3612587, 0.4974958,
                    0.4608657, 0.3612587, 0.0532138, -0.0730373, -0.1439974, 0.0, 0.0, 0.0,
                    -0.1081859, -0.0326457, -0.0696045, 0.0582082, 0.0175284, -0.0208734,
                    0.0582082, 0.0175284, -0.0208734,
                ],
            ),
            (
                WITH_STATE,
                false,
                masks(1, 1, &device),
                &[
                    0.0341645, -0.1882266, -0.2359290, 0.3734052, 0.2899224, 0.0914694, 0.3734052,
                    0.2899224, 0.0914694, -0.1470520, -0.2407364, -0.1843032, 0.0, 0.0, 0.0,
                    -0.1170512, 0.0402130, -0.0035385, -0.0305498, -0.1040878, -0.1679222,
                    -0.0305498, -0.1040878, -0.1679222,
                ],
            ),
        ];
        for (kind, reset_after, masks, expected) in cases {
            let config = GruConfig::new(2, 3).with_reset_after(reset_after);
            let gru = gru(config.with_dropout_masks(kind), 1.0, &device);
            let y = gru.run(x(&device), mask(&device), state(&device), masks);
            close(&values(y.sequence), expected, 1e-6);
        }
    }
}

#[test]
fn masks_of_a_simple_rnn_lie_where_keras_has_them() {
    for device in devices() {
        let rnn = SimpleRnn {
            kernel: weights([2, 3], 0.1, 1.0, &device),
            recurrent_kernel: weights([3, 3], 0.2, 1.0, &device),
            bias: Some(weights([3], 0.3, 1.0, &device)),
            ..SimpleRnnConfig::new(2, 3).init(&device)
        };
        let masks = masks(1, 1, &device);
        let y = rnn.run(x(&device), mask(&device), state(&device), masks);
        close(
            &values(y.sequence),
            &[
                0.1236024, 0.5462890, 0.7589049, 0.6522127, 0.9164000, 0.9690462, 0.6522127,
                0.9164000, 0.9690462, -0.7046514, -0.4472550, -0.0010419, 0.0, 0.0, 0.0,
                -0.0911879, -0.2448309, -0.3489349, -0.2435442, -0.0456942, 0.1636774, -0.2435442,
                -0.0456942, 0.1636774,
            ],
            1e-6,
        );
    }
}

#[test]
fn a_mask_holds_for_all_steps_of_a_sample() {
    let [batch, steps, units] = [64, 3, 8];
    for device in devices() {
        let device = device.autodiff();
        let rnn = counter(
            SimpleRnnConfig::new(units, units).with_dropout(0.25),
            &device,
        );
        let x = Tensor::ones([batch, steps, units], &device);
        let y = values(rnn.forward(x, None, None).sequence);
        let samples: Vec<_> = y.chunks(steps * units).collect();
        for sample in &samples {
            for (unit, first) in sample[..units].iter().enumerate() {
                // 0 or 1 / 0.75, as often as steps have passed
                assert!(*first == 0.0 || (first - 4.0 / 3.0).abs() < 1e-6, "{first}");
                let last = sample[(steps - 1) * units + unit];
                assert!((last - 3.0 * first).abs() < 1e-5, "{first} {last}");
            }
        }
        assert!(samples.iter().any(|sample| sample != &samples[0]));
        let kept = samples.iter().flat_map(|sample| &sample[..units]);
        let kept = kept.filter(|value| **value != 0.0).count();
        assert!((330..=438).contains(&kept), "{kept} of 512"); // 384 on average

        // Steps of zeros double the state, or take it away.
        let rnn = counter(
            SimpleRnnConfig::new(units, units).with_recurrent_dropout(0.5),
            &device,
        );
        let x = Tensor::zeros([batch, steps, units], &device);
        let state = Tensor::ones([batch, units], &device);
        let y = values(rnn.forward(x, None, Some(state)).last);
        assert!(y.iter().all(|value| *value == 0.0 || *value == 8.0));
        assert!(y.contains(&0.0) && y.contains(&8.0));
    }
}

#[test]
fn gates_have_masks_of_their_own_or_share_one() {
    let device = devices()[0].clone().autodiff();
    let x = Tensor::zeros([32, 2, 2], &device);
    for (kind, gates, count) in [(PER_GATE, 4, 4), (PER_GATE, 3, 3), (SHARED, 4, 1)] {
        let masks = RecurrentDropout::new(0.5, 0.5, kind).draw(&x, 3, gates);
        for (masks, width) in [(masks.inputs, 2), (masks.states, 3)] {
            assert_eq!(masks.len(), count);
            assert!(masks.iter().all(|mask| mask.dims() == [32, width]));
            let mut masks: Vec<_> = masks.into_iter().map(values).collect();
            masks.sort_by(|a, b| a.partial_cmp(b).unwrap());
            masks.dedup();
            assert_eq!(masks.len(), count);
        }
    }
}

#[test]
fn acts_in_training_alone() {
    for device in devices() {
        let dropping = LstmConfig::new(2, 3)
            .with_dropout(0.5)
            .with_recurrent_dropout(0.5)
            .with_dropout_masks(PER_GATE);
        let plain = lstm(LstmConfig::new(2, 3), 1.0, &device);
        let expected = values(plain.forward(x(&device), mask(&device), None).sequence);
        let same = |layer: &Lstm, device: &Device| {
            let y = layer.forward(x(device), mask(device), None);
            values(y.sequence) == expected
        };
        assert!(same(&lstm(dropping.clone(), 1.0, &device), &device));

        let device = device.autodiff();
        let layer = lstm(dropping.clone(), 1.0, &device);
        assert!(!same(&layer, &device));
        assert!(same(&layer.valid(), &device));
        // Keras's dropout goes on in a layer that is not trained.
        assert!(!same(&layer.clone().no_grad(), &device));
        assert!(same(&layer.freeze(), &device));
        // `0 < rate < 1` in Keras's cells
        let all = dropping.with_dropout(1.0).with_recurrent_dropout(1.0);
        assert!(same(&lstm(all, 1.0, &device), &device));
    }
}

#[test]
fn gradients_see_what_is_kept() {
    let device = devices()[0].clone().autodiff();
    let layer = lstm(
        LstmConfig::new(2, 3)
            .with_dropout(0.3)
            .with_recurrent_dropout(0.3)
            .with_dropout_masks(PER_GATE),
        1.0,
        &device,
    );
    let grads = layer
        .forward(x(&device), mask(&device), None)
        .last
        .sum()
        .backward();
    for weight in [&layer.kernel, &layer.recurrent_kernel] {
        assert!(weight.val().grad(&grads).is_some());
    }
    // A feature that is dropped has no gradient; the other has twice its own.
    let rnn = counter(SimpleRnnConfig::new(2, 2).with_dropout(0.5), &device);
    let ones = Tensor::<3>::ones([8, 1, 2], &device).require_grad();
    let y = rnn.forward(ones.clone(), None, None).last;
    let grads = y.clone().sum().backward();
    assert_eq!(values(ones.grad(&grads).unwrap()), values(y));
}

/// Mean and variance of each unit over 400 000 draws of Keras: linear layers of half the weights
/// after two steps, `dropout` .25, and .25 of the state where it is dropped.
#[test]
fn draws_are_distributed_as_those_of_keras() {
    const N: usize = 20_000;
    let device = devices()[0].clone().autodiff();
    let rows = |seed: f64| wave::<2>([1, 3], seed, &device).expand([N, 3]);
    let x = wave::<3>([1, 2, 2], 0.4, &device).expand([N, 2, 2]);
    let cases: [(bool, _, f64, [f32; 3], [f32; 3]); 6] = [
        (
            true,
            SHARED,
            0.0,
            [1.297, -1.122, -0.3908],
            [0.8376, 0.5784, 0.7454],
        ),
        (
            true,
            PER_GATE,
            0.0,
            [1.076, -1.129, -0.3904],
            [0.6749, 0.4192, 0.9192],
        ),
        (
            true,
            PER_GATE,
            0.25,
            [1.025, -1.079, -0.3599],
            [2.145, 2.73, 3.93],
        ),
        (
            false,
            SHARED,
            0.0,
            [0.6483, 0.5711, 0.3965],
            [0.07204, 0.05448, 0.06167],
        ),
        (
            false,
            PER_GATE,
            0.0,
            [0.6835, 0.6309, 0.4243],
            [0.07127, 0.07947, 0.08285],
        ),
        (
            false,
            PER_GATE,
            0.25,
            [0.6785, 0.6428, 0.4555],
            [0.09879, 0.1448, 0.1724],
        ),
    ];
    for (is_lstm, masks, state, means, variances) in cases {
        let y = if is_lstm {
            let config = LstmConfig::new(2, 3)
                .with_activation(Activation::Linear)
                .with_recurrent_activation(Activation::Linear)
                .with_dropout(0.25)
                .with_recurrent_dropout(state)
                .with_dropout_masks(masks);
            let states = [rows(0.6), rows(0.7)];
            lstm(config, 0.5, &device)
                .forward(x.clone(), None, Some(states))
                .last
        } else {
            let config = GruConfig::new(2, 3)
                .with_activation(Activation::Linear)
                .with_recurrent_activation(Activation::Linear)
                .with_dropout(0.25)
                .with_recurrent_dropout(state)
                .with_dropout_masks(masks);
            gru(config, 0.5, &device)
                .forward(x.clone(), None, Some(rows(0.6)))
                .last
        };
        let y = values(y);
        for unit in 0..3 {
            let of_unit = || y.iter().skip(unit).step_by(3);
            let mean = of_unit().sum::<f32>() / N as f32;
            let variance = of_unit().map(|v| (v - mean) * (v - mean)).sum::<f32>() / N as f32;
            // Five standard errors; of the variance a tenth, as the tails are long.
            let error = 5.0 * (variances[unit] / N as f32).sqrt();
            let case = (is_lstm, masks, state, unit);
            assert!((mean - means[unit]).abs() < error, "{case:?}: mean {mean}");
            let ratio = variance / variances[unit];
            assert!((0.9..1.1).contains(&ratio), "{case:?}: variance {variance}");
        }
    }
}
