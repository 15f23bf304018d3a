/** The models, each loaded once and when it is first needed. */

import type { Catalog, Entry } from "./catalog";
import { Detector } from "./detector";
import { Estimator } from "./estimator";
import { Refiner } from "./refiner";
import { Model } from "./runtime";

export class Models {
  private readonly loaded = new Map<string, Promise<Model>>();

  /**
   * @param folder with the files.
   * @param loading is told the megabytes of a file that is loaded now.
   */
  constructor(
    readonly catalog: Catalog,
    private readonly folder: string,
    private readonly loading: (megabytes: number) => void,
  ) {}

  async detector(): Promise<Detector> {
    return new Detector(await this.model(this.catalog.detector), this.catalog.rules.detector);
  }

  async estimator(): Promise<Estimator> {
    const { estimator, looks } = this.catalog;
    const [model, merge] = [await this.model(estimator), await this.model(looks)];
    return new Estimator(estimator.about, model, merge, looks.scales);
  }

  async refiner(): Promise<Refiner> {
    const { refiner } = this.catalog;
    return new Refiner(refiner.about, await this.model(refiner));
  }

  private model({ file, bytes }: Entry): Promise<Model> {
    let model = this.loaded.get(file);
    if (!model) {
      this.loading(bytes / 1e6);
      model = Model.load(this.folder + file);
      // What failed is tried again.
      model.catch(() => this.loaded.delete(file));
      this.loaded.set(file, model);
    }
    return model;
  }
}
