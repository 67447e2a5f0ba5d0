-- A point of a curve of an evaluation, of all its scans: those of dbo.experiment_curves, and decision, decision_everybody and
-- decision_nobody (x = threshold probability, y = net benefit per patient of the site).
CREATE TABLE dbo.evaluation_curves (
    evaluation_id INT NOT NULL,
    source VARCHAR(7) NOT NULL,
    curve NVARCHAR(32) NOT NULL,
    position INT NOT NULL,
    x FLOAT NULL,
    y FLOAT NULL,
    threshold FLOAT NULL,
    CONSTRAINT PK_evaluation_curves PRIMARY KEY (evaluation_id, source, curve, position),
    CONSTRAINT FK_evaluation_curves_evaluations FOREIGN KEY (evaluation_id) REFERENCES dbo.evaluations (evaluation_id),
    CONSTRAINT CK_evaluation_curves_source CHECK (source IN ('model', 'columns'))
);
