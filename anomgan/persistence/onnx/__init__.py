"""A fitted ensemble as an ONNX graph, beside a description of all that isn't in the graph."""
