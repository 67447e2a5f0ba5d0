-- A figure of an evaluation, with its 95 % interval by bootstrap over patients.
CREATE TABLE dbo.evaluation_metrics (
    evaluation_id INT NOT NULL,   -- evaluation that it belongs to, in dbo.evaluations
    group_id INT NOT NULL,        -- subgroup that it is of, 0 for all scans
    source VARCHAR(7) NOT NULL,   -- model, or columns: a model on age, sex, spacing and scanner alone
    metric NVARCHAR(64) NOT NULL, -- name of the figure, such as auc, sensitivity or brier
    value FLOAT NULL,             -- the figure; NULL where it is not defined
    low FLOAT NULL,               -- lower end of the interval; NULL where it is not defined
    high FLOAT NULL,              -- upper end of the interval; NULL where it is not defined
    CONSTRAINT PK_evaluation_metrics PRIMARY KEY (evaluation_id, group_id, source, metric),
    CONSTRAINT FK_evaluation_metrics_groups FOREIGN KEY (evaluation_id, group_id)
        REFERENCES dbo.evaluation_groups (evaluation_id, group_id),
    CONSTRAINT CK_evaluation_metrics_source CHECK (source IN ('model', 'columns'))
);
