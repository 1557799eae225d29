//! One ONNX session and how its inputs and outputs are used.

use std::{path::Path, sync::Arc};

use ort::{
    session::{
        Session, SessionInputValue,
        builder::{GraphOptimizationLevel, SessionBuilder},
    },
    value::{Outlet, TensorElementType, TensorRef},
};
use serde::Serialize;

use super::environment;
use crate::model::{encode::EncodeBuf, error::ModelError};

/// What a model calls its class scores before softmax.
const LOGITS: &str = "logits";

/// An input or output of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorInfo {
    /// The name in the model.
    pub name: String,
    /// Element type, such as `int64` or `float32`; `not a tensor` for maps and sequences.
    pub dtype: String,
    /// Sizes; -1 where any size goes.
    pub shape: Vec<i64>,
}

impl TensorInfo {
    fn of(outlet: &Outlet) -> TensorInfo {
        let dtype = outlet.dtype();
        TensorInfo {
            name: outlet.name().to_owned(),
            dtype: dtype
                .tensor_type()
                .map_or("not a tensor".to_owned(), |ty| format!("{ty:?}").to_lowercase()),
            shape: dtype.tensor_shape().map(|shape| shape.to_vec()).unwrap_or_default(),
        }
    }
}

/// What we feed into an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    InputIds,
    AttentionMask,
    /// All zero: a message is one segment.
    TokenTypeIds,
}

impl Role {
    fn of(name: &str) -> Option<Role> {
        match name {
            "input_ids" => Some(Role::InputIds),
            "attention_mask" => Some(Role::AttentionMask),
            "token_type_ids" => Some(Role::TokenTypeIds),
            _ => None,
        }
    }
}

/// A session with its buffers. Not shared: running it needs `&mut`.
#[derive(Debug)]
pub(super) struct Graph {
    session: Session,
    /// In the order of the session's inputs.
    inputs: Vec<(Role, IntType)>,
    output_idx: usize,
    /// Rows a run must have, where the model was exported for one number only.
    pub(super) fixed_turns: Option<usize>,
    /// Columns a run must have, where the model was exported for one length only.
    pub(super) fixed_len: Option<usize>,
    /// Width of the output, where the model says it.
    pub(super) stated_width: Option<usize>,
    zeros: Vec<i64>,
    narrow: [Vec<i32>; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IntType {
    Int64,
    Int32,
}

/// Class scores of one run: `[n_turns, width]`, row-major.
#[derive(Debug, Default)]
pub(super) struct Logits {
    pub(super) values: Vec<f32>,
    pub(super) width: usize,
}

impl Graph {
    /// Loads a model for one thread, with every graph optimisation.
    ///
    /// # Errors
    /// [`ModelError::BadModel`] where the runtime refuses the file, [`ModelError::UnsupportedModel`]
    /// where it is no sequence classifier. The runtime must have been started.
    pub(super) fn load(path: &Path) -> Result<Graph, ModelError> {
        let session = open(path)?;
        let inputs = session.inputs().iter().map(read_input).collect::<Result<Vec<_>, _>>()?;
        let ids = inputs.iter().position(|(role, _)| *role == Role::InputIds);
        let ids = ids.ok_or_else(|| unsupported("it has no input named input_ids".into()))?;
        let [rows, columns] = matrix_shape(&session.inputs()[ids])?;
        let (output_idx, stated_width) = find_output(session.outputs())?;
        Ok(Graph {
            inputs,
            output_idx,
            fixed_turns: rows,
            fixed_len: columns,
            stated_width,
            zeros: Vec::new(),
            narrow: Default::default(),
            session,
        })
    }

    /// Computes one batch into `logits`.
    ///
    /// # Errors
    /// [`ModelError::Inference`], or [`ModelError::UnsupportedModel`] for an output of another shape
    /// than `[n_turns, width]`.
    pub(super) fn run(&mut self, batch: &EncodeBuf, logits: &mut Logits) -> Result<(), ModelError> {
        let shape = [batch.n_turns, batch.padded_len];
        self.zeros.clear();
        self.zeros.resize(batch.input_ids.len(), 0);
        let wide = |role| match role {
            Role::InputIds => &batch.input_ids[..],
            Role::AttentionMask => &batch.attention_mask[..],
            Role::TokenTypeIds => &self.zeros[..],
        };
        for ((role, int_type), narrow) in self.inputs.iter().zip(&mut self.narrow) {
            if *int_type == IntType::Int32 {
                narrow.clear();
                // Token numbers come from u32 and vocabularies are far below 2^31.
                narrow.extend(wide(*role).iter().map(|&value| value as i32));
            }
        }
        let mut values: Vec<SessionInputValue<'_>> = Vec::with_capacity(self.inputs.len());
        for ((role, int_type), narrow) in self.inputs.iter().zip(&self.narrow) {
            values.push(match int_type {
                IntType::Int64 => {
                    TensorRef::from_array_view((shape, wide(*role))).map_err(inference)?.into()
                }
                IntType::Int32 => {
                    TensorRef::from_array_view((shape, &narrow[..])).map_err(inference)?.into()
                }
            });
        }
        let outputs = self.session.run(&values[..]).map_err(inference)?;
        let (shape, data) =
            outputs[self.output_idx].try_extract_tensor::<f32>().map_err(inference)?;
        match shape[..] {
            [rows, width] if rows == batch.n_turns as i64 && width > 0 => {
                logits.values.clear();
                logits.values.extend_from_slice(data);
                logits.width = width as usize;
                Ok(())
            }
            _ => Err(unsupported(format!(
                "its output is shaped {shape}, but [{}, labels] was expected",
                batch.n_turns
            ))),
        }
    }
}

/// The inputs and outputs of a model, without judging them.
///
/// # Errors
/// [`ModelError::BadModel`]. The runtime must have been started.
pub(super) fn describe(path: &Path) -> Result<(Vec<TensorInfo>, Vec<TensorInfo>), ModelError> {
    let session = open(path)?;
    let infos = |outlets: &[Outlet]| outlets.iter().map(TensorInfo::of).collect();
    Ok((infos(session.inputs()), infos(session.outputs())))
}

fn open(path: &Path) -> Result<Session, ModelError> {
    let bad =
        |error: ort::Error| ModelError::BadModel { path: path.to_owned(), source: Arc::new(error) };
    let Some(environment) = environment::current() else {
        return Err(ModelError::MissingRuntime { searched: Vec::new() });
    };
    // One thread per session: the worker threads are the parallelism, and spinning pools halve the
    // throughput of a busy machine.
    let configure = || -> ort::Result<SessionBuilder> {
        Ok(Session::builder(environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?)
    };
    configure().and_then(|mut builder| builder.commit_from_file(path)).map_err(bad)
}

fn read_input(outlet: &Outlet) -> Result<(Role, IntType), ModelError> {
    let info = TensorInfo::of(outlet);
    let role = Role::of(&info.name).ok_or_else(|| {
        unsupported(format!(
            "it needs an input named {}, but only input_ids, attention_mask and token_type_ids can be given",
            info.name
        ))
    })?;
    let int_type = match outlet.dtype().tensor_type() {
        Some(TensorElementType::Int64) => IntType::Int64,
        Some(TensorElementType::Int32) => IntType::Int32,
        _ => {
            let message = format!(
                "its input {} is {}, but int64 or int32 was expected",
                info.name, info.dtype
            );
            return Err(unsupported(message));
        }
    };
    Ok((role, int_type))
}

/// The sizes of `[batch, seq_len]`, `None` where any size goes.
fn matrix_shape(outlet: &Outlet) -> Result<[Option<usize>; 2], ModelError> {
    let info = TensorInfo::of(outlet);
    match info.shape[..] {
        [rows, columns] => Ok([rows, columns].map(|size| usize::try_from(size).ok())),
        _ => Err(unsupported(format!(
            "its input {} is shaped {:?}, but [batch, seq_len] was expected",
            info.name, info.shape
        ))),
    }
}

/// The output named `logits`, or else the only float output, with its width where that is stated.
fn find_output(outlets: &[Outlet]) -> Result<(usize, Option<usize>), ModelError> {
    let is_float =
        |outlet: &Outlet| outlet.dtype().tensor_type() == Some(TensorElementType::Float32);
    let named = outlets.iter().position(|outlet| outlet.name() == LOGITS);
    let mut floats = (0..outlets.len()).filter(|&idx| is_float(&outlets[idx]));
    let output_idx = match (named, floats.next(), floats.next()) {
        (Some(idx), ..) | (None, Some(idx), None) => idx,
        _ => {
            let names: Vec<String> = outlets
                .iter()
                .map(TensorInfo::of)
                .map(|info| format!("{} {}", info.name, info.dtype))
                .collect();
            return Err(unsupported(format!(
                "it has no output named logits and not exactly one float32 output ({})",
                names.join(", ")
            )));
        }
    };
    let info = TensorInfo::of(&outlets[output_idx]);
    if !is_float(&outlets[output_idx]) {
        let message =
            format!("its output {} is {}, but float32 was expected", info.name, info.dtype);
        return Err(unsupported(message));
    }
    match info.shape[..] {
        // A model without shape information is judged by its trial run.
        [] => Ok((output_idx, None)),
        [_, width] => Ok((output_idx, usize::try_from(width).ok())),
        _ => Err(unsupported(format!(
            "its output {} is shaped {:?}, but [batch, labels] was expected",
            info.name, info.shape
        ))),
    }
}

fn inference(error: ort::Error) -> ModelError {
    ModelError::Inference { source: Arc::new(error) }
}

fn unsupported(message: String) -> ModelError {
    ModelError::UnsupportedModel { message }
}
