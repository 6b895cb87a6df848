"""The training stages around an estimator: parameters, inputs, checkpoint, results, learning curve."""
