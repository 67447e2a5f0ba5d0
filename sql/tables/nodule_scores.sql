-- What a later stage, a network that looks at the crop around a candidate, says of a nodule that a detector found.
CREATE TABLE dbo.nodule_scores (
    nodule_id INT NOT NULL,              -- nodule, in dbo.nodules, of the source network
    network_id INT NOT NULL,             -- network that scored it, in dbo.networks
    preprocessing NVARCHAR(32) NOT NULL, -- preprocessing of its crop, in dbo.preprocessings
    score FLOAT NOT NULL,                -- probability that the network gave, 0 to 1
    CONSTRAINT PK_nodule_scores PRIMARY KEY (nodule_id, network_id, preprocessing),
    CONSTRAINT FK_nodule_scores_nodules FOREIGN KEY (nodule_id) REFERENCES dbo.nodules (nodule_id) ON DELETE CASCADE,
    CONSTRAINT FK_nodule_scores_networks FOREIGN KEY (network_id) REFERENCES dbo.networks (network_id),
    CONSTRAINT CK_nodule_scores_score CHECK (score BETWEEN 0 AND 1)
);
CREATE INDEX IX_nodule_scores_network ON dbo.nodule_scores (network_id);
