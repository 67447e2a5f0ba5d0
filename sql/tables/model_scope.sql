-- What a version knows, from the scans of the patients that it learnt from; a score of another scan says that it stands outside. item is
-- thickness or coverage, from low to high in millimetres; contrast or kernel, a row for each text; distance, up to high, of features as
-- dbo.model_scope_features has them; held_out, where high is the share of the held-out scans that stand outside. scans is how many it was
-- taken from.
CREATE TABLE dbo.model_scope (
    classifier_id INT NOT NULL,
    item VARCHAR(16) NOT NULL,
    position INT NOT NULL,
    low FLOAT NULL,
    high FLOAT NULL,
    text NVARCHAR(64) NULL,
    scans INT NOT NULL,
    CONSTRAINT PK_model_scope PRIMARY KEY (classifier_id, item, position),
    CONSTRAINT FK_model_scope_classifiers FOREIGN KEY (classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT CK_model_scope_item CHECK (item IN ('thickness', 'coverage', 'contrast', 'kernel', 'distance', 'held_out'))
);
