-- How probable a class is of a picture, or of a group of them (is_group = 1), by a model. Those of part train are out of fold: of a model
-- that was not fitted to it; new is scored by PredictImages. It refers to no picture, which may be replaced later: content_sha256 is the
-- picture's, of a group that over its pictures' in order.
CREATE TABLE dbo.image_scores (
    image_classifier_id INT NOT NULL,
    is_group BIT NOT NULL,
    name NVARCHAR(128) NOT NULL,
    content_sha256 VARBINARY(32) NOT NULL,
    label TINYINT NOT NULL,
    part VARCHAR(10) NOT NULL,
    fold INT NULL,
    score FLOAT NOT NULL,
    scored_at DATETIME2(3) NOT NULL CONSTRAINT DF_image_scores_scored_at DEFAULT SYSUTCDATETIME(),
    CONSTRAINT PK_image_scores PRIMARY KEY (image_classifier_id, is_group, name, content_sha256, label),
    CONSTRAINT FK_image_scores_image_classifiers FOREIGN KEY (image_classifier_id)
        REFERENCES dbo.image_classifiers (image_classifier_id) ON DELETE CASCADE,
    CONSTRAINT CK_image_scores_part CHECK (part IN ('train', 'test', 'new')),
    CONSTRAINT CK_image_scores_score CHECK (score BETWEEN 0 AND 1)
);
