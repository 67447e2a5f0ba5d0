-- The classifiers that an ensemble is made of, in order. What Python scores with stands whole in the ensemble's own model; plain T-SQL
-- scores with the members' rows.
CREATE TABLE dbo.ensemble_members (
    classifier_id INT NOT NULL,        -- the ensemble, in dbo.classifiers
    position INT NOT NULL,             -- order in the ensemble, from 0
    member_classifier_id INT NOT NULL, -- version of a model that is its member
    first_index INT NOT NULL,          -- where the member's features begin in the ensemble's vector, from 0
    CONSTRAINT PK_ensemble_members PRIMARY KEY (classifier_id, position),
    CONSTRAINT UQ_ensemble_members UNIQUE (classifier_id, member_classifier_id),
    CONSTRAINT FK_ensemble_members_classifiers FOREIGN KEY (classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT FK_ensemble_members_members FOREIGN KEY (member_classifier_id) REFERENCES dbo.classifiers (classifier_id),
    CONSTRAINT CK_ensemble_members_place CHECK (position >= 0 AND first_index >= 0 AND member_classifier_id <> classifier_id)
);
CREATE INDEX IX_ensemble_members_member ON dbo.ensemble_members (member_classifier_id);
