"""What the stage `train` does with one row of the comparison: estimator, parameters, training, results, curve."""
