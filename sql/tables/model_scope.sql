-- What a version knows, from the scans of the patients that it learnt from; a score of another scan says that it stands outside.
CREATE TABLE dbo.model_scope (
    classifier_id INT NOT NULL, -- version of the model, in dbo.classifiers
    item VARCHAR(16) NOT NULL,  -- thickness, coverage, contrast, kernel, distance (of features, as dbo.model_scope_features has them) or
                                -- held_out
    position INT NOT NULL,      -- counts the rows of an item
    low FLOAT NULL,             -- of thickness and coverage the least, in millimetres; NULL of other items
    high FLOAT NULL,            -- of thickness and coverage the most, in millimetres; of distance the farthest; of held_out the share
                                -- outside; else NULL
    text NVARCHAR(64) NULL,     -- a text that contrast or kernel had; NULL of other items
    scans INT NOT NULL,         -- scans that it was taken from; of held_out the scans held out
    CONSTRAINT PK_model_scope PRIMARY KEY (classifier_id, item, position),
    CONSTRAINT FK_model_scope_classifiers FOREIGN KEY (classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT CK_model_scope_item CHECK (item IN ('thickness', 'coverage', 'contrast', 'kernel', 'distance', 'held_out'))
);
