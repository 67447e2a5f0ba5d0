-- A subgroup of an evaluation's scans: those with a value of a column. Group 0 is all of them. A row without a value says how many
-- values of the column are not shown, because fewer than 10 patients of either class have them.
CREATE TABLE dbo.evaluation_groups (
    evaluation_id INT NOT NULL,
    group_id INT NOT NULL,
    column_name NVARCHAR(128) NULL,
    value NVARCHAR(200) NULL,
    patients INT NULL,
    scans INT NULL,
    positives INT NULL,
    values_hidden INT NULL,
    CONSTRAINT PK_evaluation_groups PRIMARY KEY (evaluation_id, group_id),
    CONSTRAINT FK_evaluation_groups_evaluations FOREIGN KEY (evaluation_id) REFERENCES dbo.evaluations (evaluation_id),
    CONSTRAINT CK_evaluation_groups_shown CHECK (
        (scans IS NULL AND values_hidden IS NOT NULL) OR (scans IS NOT NULL AND values_hidden IS NULL))
);
