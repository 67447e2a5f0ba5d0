-- A figure of an evaluation: of the model, or of a model on age, sex, spacing and scanner alone (source columns). low to high is its 95 %
-- interval by bootstrap over patients; NULL where a figure or its interval is not defined.
CREATE TABLE dbo.evaluation_metrics (
    evaluation_id INT NOT NULL,
    group_id INT NOT NULL,
    source VARCHAR(7) NOT NULL,
    metric NVARCHAR(64) NOT NULL,
    value FLOAT NULL,
    low FLOAT NULL,
    high FLOAT NULL,
    CONSTRAINT PK_evaluation_metrics PRIMARY KEY (evaluation_id, group_id, source, metric),
    CONSTRAINT FK_evaluation_metrics_groups FOREIGN KEY (evaluation_id, group_id)
        REFERENCES dbo.evaluation_groups (evaluation_id, group_id),
    CONSTRAINT CK_evaluation_metrics_source CHECK (source IN ('model', 'columns'))
);
