-- A measured figure of a training run; value is NULL where it is not defined, as the AUC of one class. StoreExperiment fills it.
CREATE TABLE dbo.experiment_metrics (
    experiment_id INT NOT NULL,
    part VARCHAR(10) NOT NULL,
    metric NVARCHAR(64) NOT NULL,
    value FLOAT NULL,
    CONSTRAINT PK_experiment_metrics PRIMARY KEY (experiment_id, part, metric),
    CONSTRAINT FK_experiment_metrics_experiments FOREIGN KEY (experiment_id)
        REFERENCES dbo.experiments (experiment_id)
);
