-- A point of a curve of an evaluation, of all its scans.
CREATE TABLE dbo.evaluation_curves (
    evaluation_id INT NOT NULL,  -- evaluation that it belongs to, in dbo.evaluations
    source VARCHAR(7) NOT NULL,  -- model, or columns: a model on age, sex, spacing and scanner alone
    curve NVARCHAR(32) NOT NULL, -- as in dbo.experiment_curves, and decision, decision_everybody, decision_nobody
    position INT NOT NULL,       -- order of the points
    x FLOAT NULL,                -- as in dbo.experiment_curves; of decision curves the threshold probability
    y FLOAT NULL,                -- as in dbo.experiment_curves; of decision curves the net benefit per patient of the site
    threshold FLOAT NULL,        -- as in dbo.experiment_curves; NULL of decision curves
    CONSTRAINT PK_evaluation_curves PRIMARY KEY (evaluation_id, source, curve, position),
    CONSTRAINT FK_evaluation_curves_evaluations FOREIGN KEY (evaluation_id) REFERENCES dbo.evaluations (evaluation_id),
    CONSTRAINT CK_evaluation_curves_source CHECK (source IN ('model', 'columns'))
);
