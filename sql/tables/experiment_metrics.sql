-- A measured figure of a training run. StoreExperiment fills it.
CREATE TABLE dbo.experiment_metrics (
    experiment_id INT NOT NULL,   -- training run that it belongs to, in dbo.experiments
    part VARCHAR(10) NOT NULL,    -- part of the patients: train, validation or test
    metric NVARCHAR(64) NOT NULL, -- name of the figure, such as auc, brier or log_loss
    value FLOAT NULL,             -- the figure; NULL where it is not defined, as the AUC of one class
    CONSTRAINT PK_experiment_metrics PRIMARY KEY (experiment_id, part, metric),
    CONSTRAINT FK_experiment_metrics_experiments FOREIGN KEY (experiment_id)
        REFERENCES dbo.experiments (experiment_id)
);
