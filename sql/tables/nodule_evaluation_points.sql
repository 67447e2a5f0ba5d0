-- The share of nodules that a detector finds at a number of false alarms a scan, with its 95 % interval by bootstrap over scans.
CREATE TABLE dbo.nodule_evaluation_points (
    nodule_evaluation_id INT NOT NULL,     -- evaluation that it belongs to, in dbo.nodule_evaluations
    position INT NOT NULL,                 -- 0 is the mean of the others, which is LUNA16's score; 1, 2, 3, … rising rates
    false_alarms_per_scan FLOAT NULL,      -- false alarms a scan; NULL of position 0
    sensitivity FLOAT NOT NULL,            -- share of the nodules, 0 to 1
    low FLOAT NULL,                        -- lower end of the interval; NULL where it is not defined
    high FLOAT NULL,                       -- upper end of the interval; NULL where it is not defined
    CONSTRAINT PK_nodule_evaluation_points PRIMARY KEY (nodule_evaluation_id, position),
    CONSTRAINT FK_nodule_evaluation_points_evaluations FOREIGN KEY (nodule_evaluation_id)
        REFERENCES dbo.nodule_evaluations (nodule_evaluation_id) ON DELETE CASCADE
);
