-- A point of a curve of a training run. StoreExperiment fills it.
CREATE TABLE dbo.experiment_curves (
    experiment_id INT NOT NULL,  -- training run that it belongs to, in dbo.experiments
    part VARCHAR(10) NOT NULL,   -- part of the patients: train, validation or test
    curve NVARCHAR(32) NOT NULL, -- roc, precision_recall, calibration (also calibration_raw), training_train or training_validation
    position INT NOT NULL,       -- order of the points
    x FLOAT NULL,                -- of roc 1 - specificity, of precision_recall recall, of calibration mean score, of training iteration
    y FLOAT NULL,                -- of roc sensitivity, of precision_recall precision, of calibration observed share, of training log loss
    threshold FLOAT NULL,        -- of roc and precision_recall the score from which on counts as positive, of calibration patients of the
                                 -- bin; else NULL
    CONSTRAINT PK_experiment_curves PRIMARY KEY (experiment_id, part, curve, position),
    CONSTRAINT FK_experiment_curves_experiments FOREIGN KEY (experiment_id)
        REFERENCES dbo.experiments (experiment_id)
);
