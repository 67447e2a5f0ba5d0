-- How probable a class is of a picture, or of a group of them, by a model. It refers to no picture, which may be replaced later.
CREATE TABLE dbo.image_scores (
    image_classifier_id INT NOT NULL,      -- version of the model, in dbo.image_classifiers
    is_group BIT NOT NULL,                 -- 1 of a group of pictures, 0 of one
    name NVARCHAR(128) NOT NULL,           -- the picture or the group
    content_sha256 VARBINARY(32) NOT NULL, -- SHA-256 of the picture as it was then, of a group that over its pictures' in order
    label TINYINT NOT NULL,                -- class that the score is of
    part VARCHAR(10) NOT NULL,             -- train, whose scores are out of fold; test; or new, scored by PredictImages
    fold INT NULL,                         -- fold that held it out, from 0; NULL of the other parts
    score FLOAT NOT NULL,                  -- probability of the class, 0 to 1
    scored_at DATETIME2(3) NOT NULL CONSTRAINT DF_image_scores_scored_at DEFAULT SYSUTCDATETIME(), -- when it was computed, UTC
    CONSTRAINT PK_image_scores PRIMARY KEY (image_classifier_id, is_group, name, content_sha256, label),
    CONSTRAINT FK_image_scores_image_classifiers FOREIGN KEY (image_classifier_id)
        REFERENCES dbo.image_classifiers (image_classifier_id) ON DELETE CASCADE,
    CONSTRAINT CK_image_scores_part CHECK (part IN ('train', 'test', 'new')),
    CONSTRAINT CK_image_scores_score CHECK (score BETWEEN 0 AND 1)
);
