-- A point of a curve of a training run, in the order of position: roc (x = 1 − specificity, y = sensitivity), precision_recall
-- (x = recall, y = precision), calibration and calibration_raw (x = mean score, y = observed share, threshold = patients of the
-- bin), training_train and training_validation (x = iteration, y = log loss). StoreExperiment fills it.
CREATE TABLE dbo.experiment_curves (
    experiment_id INT NOT NULL,
    part VARCHAR(10) NOT NULL,
    curve NVARCHAR(32) NOT NULL,
    position INT NOT NULL,
    x FLOAT NULL,
    y FLOAT NULL,
    threshold FLOAT NULL,
    CONSTRAINT PK_experiment_curves PRIMARY KEY (experiment_id, part, curve, position),
    CONSTRAINT FK_experiment_curves_experiments FOREIGN KEY (experiment_id)
        REFERENCES dbo.experiments (experiment_id)
);
