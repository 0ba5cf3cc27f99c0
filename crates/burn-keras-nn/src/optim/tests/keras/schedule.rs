//! Every schedule.

use alloc::{collections::BTreeMap, format, vec::Vec};

use super::expected;
use crate::optim::*;

#[test]
fn schedules_equal_keras() {
    let all = expected("schedule");
    let steps = &all[&("steps", "")]["steps"];
    let polynomial = |decay_steps, end_learning_rate, power, cycle| Schedule::PolynomialDecay {
        initial_learning_rate: 0.1,
        decay_steps,
        end_learning_rate,
        power,
        cycle,
    };
    let exponential = |staircase| Schedule::ExponentialDecay {
        initial_learning_rate: 0.1,
        decay_steps: 7.0,
        decay_rate: 0.9,
        staircase,
    };
    let inverse_time = |staircase| Schedule::InverseTimeDecay {
        initial_learning_rate: 0.1,
        decay_steps: 7.0,
        decay_rate: 0.5,
        staircase,
    };
    let cosine =
        |initial_learning_rate, alpha, warmup_target, warmup_steps| Schedule::CosineDecay {
            initial_learning_rate,
            decay_steps: 30.0,
            alpha,
            warmup_target,
            warmup_steps,
        };
    let restarts = |first_decay_steps, t_mul, m_mul, alpha| Schedule::CosineDecayRestarts {
        initial_learning_rate: 0.1,
        first_decay_steps,
        t_mul,
        m_mul,
        alpha,
    };
    let piecewise = |boundaries: &[f64], values: &[f64]| Schedule::PiecewiseConstantDecay {
        boundaries: boundaries.to_vec(),
        values: values.to_vec(),
    };
    let schedules = BTreeMap::from([
        ("exponential", exponential(false)),
        ("exponential_staircase", exponential(true)),
        ("piecewise", piecewise(&[3.0, 10.0], &[0.1, 0.03, 0.007])),
        (
            "piecewise_fractions",
            piecewise(&[3.9, 10.2, 30.0], &[0.1, 0.03, 0.007, 0.5]),
        ),
        ("polynomial", polynomial(20.0, 0.0001, 1.0, false)),
        ("polynomial_power", polynomial(20.0, 0.01, 2.5, false)),
        ("polynomial_cycle", polynomial(7.0, 0.01, 0.5, true)),
        ("inverse_time", inverse_time(false)),
        ("inverse_time_staircase", inverse_time(true)),
        ("cosine", cosine(0.1, 0.0, None, 0.0)),
        ("cosine_alpha", cosine(0.1, 0.1, None, 0.0)),
        ("cosine_warmup", cosine(0.01, 0.1, Some(0.2), 10.0)),
        ("cosine_no_target", cosine(0.1, 0.0, None, 10.0)),
        ("restarts", restarts(5.0, 2.0, 1.0, 0.0)),
        ("restarts_options", restarts(4.0, 1.5, 0.7, 0.1)),
        ("restarts_even", restarts(6.0, 1.0, 0.7, 0.0)),
    ]);
    let mut failures = Vec::new();
    for ((generation, name), numbers) in &all {
        if *generation == "steps" {
            continue;
        }
        let schedule = &schedules[name];
        for (step, rate) in steps.iter().zip(&numbers["rates"]) {
            let found = f64::from(schedule.at(*step as u64));
            // half a cosine wave ends in noise
            if (found - rate).abs() > 3e-7 * rate.abs() + 2e-9 {
                failures.push(format!(
                    "{generation} {name} at {step}: {found}, Keras has {rate}"
                ));
            }
        }
    }
    assert_eq!(all.len(), 2 * schedules.len() + 1);
    assert!(failures.is_empty(), "{failures:#?}");
}
