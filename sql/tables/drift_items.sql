-- What a drift check compared: a feature by its index, the score, the spacing, or the mix of scanners or kernels. name says which, such as
-- 'column age' or 'layer avg_pool of resnet, feature 17'. statistic is the difference in standard errors,
-- p_value that of the largest statistic of all items, stability_index the population stability index.
CREATE TABLE dbo.drift_items (
    drift_check_id INT NOT NULL,
    position INT NOT NULL,
    kind VARCHAR(8) NOT NULL,
    feature_index INT NULL,
    name NVARCHAR(600) NOT NULL,
    statistic FLOAT NOT NULL,
    p_value FLOAT NOT NULL,
    stability_index FLOAT NOT NULL,
    CONSTRAINT PK_drift_items PRIMARY KEY (drift_check_id, position),
    CONSTRAINT FK_drift_items_checks FOREIGN KEY (drift_check_id) REFERENCES dbo.drift_checks (drift_check_id),
    CONSTRAINT CK_drift_items_kind CHECK (kind IN ('feature', 'score', 'spacing', 'scanner', 'kernel'))
);
