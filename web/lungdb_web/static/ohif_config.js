// What OHIF reads before it starts: where its files lie, and that its images are those of this site and no other.
{
  /**
   * The session has ended: whoever signs in again finds the study through the patient's page.
   * @param {{ status?: number }} error
   */
  const httpErrorHandler = (error) => {
    if (error.status === 401) {
      window.location.assign("/sign-in");
    }
  };
  /** @param {string} name */
  const browserImportFunction = (name) => import(name);
  const config = {
    name: "lungdb",
    routerBasename: "/ohif",
    extensions: [],
    modes: [],
    customizationService: {},
    showStudyList: true,
    maxNumberOfWebWorkers: 3,
    showWarningMessageForCrossOrigin: false,
    showCPUFallbackMessage: true,
    showLoadingIndicator: true,
    strictZSpacingForVolumeViewport: true,
    investigationalUseDialog: { option: "always" },
    // As many as the server reads at a time, beside those who look at pages.
    maxNumRequests: { interaction: 20, thumbnail: 5, prefetch: 10 },
    showErrorDetails: "always",
    defaultDataSourceName: "lungdb",
    dataSources: [
      {
        namespace: "@ohif/extension-default.dataSourcesModule.dicomweb",
        sourceName: "lungdb",
        configuration: {
          friendlyName: "lungdb",
          name: "lungdb",
          qidoRoot: "/dicomweb",
          wadoRoot: "/dicomweb",
          wadoUriRoot: "/dicomweb",
          qidoSupportsIncludeField: false,
          imageRendering: "wadors",
          thumbnailRendering: "wadors",
          enableStudyLazyLoad: true,
          supportsFuzzyMatching: false,
          supportsWildcard: true,
          supportsReject: false,
          dicomUploadEnabled: false,
          omitQuotationForMultipartRequest: true,
        },
      },
    ],
    httpErrorHandler,
  };
  Object.assign(window, { PUBLIC_URL: "/ohif/", browserImportFunction, config });
}
