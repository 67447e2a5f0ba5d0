-- A subgroup of an evaluation's scans: those with a value of a column.
CREATE TABLE dbo.evaluation_groups (
    evaluation_id INT NOT NULL,     -- evaluation that it belongs to, in dbo.evaluations
    group_id INT NOT NULL,          -- 0 is all scans; 1, 2, 3, … subgroups
    column_name NVARCHAR(128) NULL, -- column that it is told by; NULL of group 0
    value NVARCHAR(200) NULL,       -- value of the column that its scans have; NULL of group 0, of scans without one, and where
                                    -- values_hidden is given
    patients INT NULL,              -- patients in it; NULL where values_hidden is given
    scans INT NULL,                 -- scans with a label in it; NULL where values_hidden is given
    positives INT NULL,             -- scans of them with label 1; NULL where values_hidden is given
    values_hidden INT NULL,         -- values of the column that are not shown: fewer than 10 patients of either class have them; NULL of a
                                    -- group that is shown
    CONSTRAINT PK_evaluation_groups PRIMARY KEY (evaluation_id, group_id),
    CONSTRAINT FK_evaluation_groups_evaluations FOREIGN KEY (evaluation_id) REFERENCES dbo.evaluations (evaluation_id),
    CONSTRAINT CK_evaluation_groups_shown CHECK (
        (scans IS NULL AND values_hidden IS NOT NULL) OR (scans IS NOT NULL AND values_hidden IS NULL))
);
