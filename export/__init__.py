"""From a run's networks to a bundle: ONNX graphs with the gradient inside, proven equal before they are kept."""
