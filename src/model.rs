//! ONNX classifiers.
